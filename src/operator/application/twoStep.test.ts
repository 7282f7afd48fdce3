import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { twoStepDifferences } from './twoStep.ts';

const TWO_STEP = '/v1/settings/account/two-step';
const DECLARED = { twoStep: { pinSecretRef: { name: 'pin', key: 'pin' } } };
const withPin = (pin: string) => new FakeApplication(DECLARED, { secrets: { pin: { pin } } });

/** Runs one pass with its repairs. Returns the fields that differed. */
async function synchronise(application: FakeApplication): Promise<string[]> {
  const differences = await twoStepDifferences(application.pass());
  for (const { repair } of differences) await repair();
  return differences.flatMap(({ fields }) => fields);
}

describe('two-step verification', () => {
  it('causes no call if it is neither declared nor set', async () => {
    const application = new FakeApplication();
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('sets the PIN once, and another one when the Secret changes', async () => {
    const application = withPin('123456\n');
    expect(await synchronise(application)).toEqual(['twoStep']);
    expect(await synchronise(application)).toEqual([]);
    application.secrets = { pin: { pin: '654321' } };
    await synchronise(application);
    expect(application.stack.takeCalls()).toEqual([
      [`POST ${TWO_STEP}`, { pin: '123456' }],
      [`POST ${TWO_STEP}`, { pin: '654321' }],
    ]);
  });

  it('removes the PIN when it is no longer declared', async () => {
    const application = withPin('123456');
    await synchronise(application);
    application.spec = {};
    await synchronise(application);
    expect(application.stack.takeWrites().at(-1)).toEqual([`DELETE ${TWO_STEP}`, undefined]);
    expect(application.stack.state.pin).toBeUndefined();
    expect(application.journal.twoStepPin).toBeUndefined();
    expect(await synchronise(application)).toEqual([]);
  });

  it('sets the same PIN again when the answer was lost, because the journal records only answered calls', async () => {
    const application = withPin('123456');
    application.stack.failNext(`POST ${TWO_STEP}`, { lose: 'after' });
    await expect(synchronise(application)).rejects.toMatchObject({ code: 'Unreachable' });
    expect(application.journal.twoStepPin).toBeUndefined();
    await synchronise(application);
    expect(application.stack.state.pin).toBe('123456');
    expect(await synchronise(application)).toEqual([]);
  });

  it('leaves the journal unchanged when the stack refuses', async () => {
    const application = withPin('123456');
    application.stack.failNext(`POST ${TWO_STEP}`, { refuse: 1005 });
    await expect(synchronise(application)).rejects.toMatchObject({ apiCode: 1005 });
    expect(application.journals.writes).toBe(0);
  });

  it('fails without a PIN, and names the Secret, the key and the field', async () => {
    const application = new FakeApplication(DECLARED);
    await expect(synchronise(application)).rejects.toMatchObject({
      code: 'SecretMissing',
      message: expect.stringMatching(/Secret pin does not exist \(spec\.twoStep\.pinSecretRef\).*key pin/),
    });
  });

  it('fails before the call if the PIN is not six digits, without revealing it', async () => {
    const application = withPin('12345');
    const failure = await synchronise(application).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'PinRefused' });
    expect(String(failure)).toMatch(/Secret pin, key pin/);
    expect(String(failure)).not.toContain('12345');
    expect(application.stack.takeCalls()).toEqual([]);
  });
});
