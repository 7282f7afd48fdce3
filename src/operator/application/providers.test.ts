import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { providerDifferences } from './providers.ts';

const PROVIDERS = '/v1/settings/application/media/providers';
const STORE = {
  media: { providers: [{ name: 'store', type: 'www', credentialsSecretRef: { name: 'store' } }] },
};
const withStore = (data: Record<string, string>) => new FakeApplication(STORE, { secrets: { store: data } });

/** Runs one pass with its repairs. Returns the fields that differed. */
async function synchronise(application: FakeApplication): Promise<string[]> {
  const differences = await providerDifferences(application.pass());
  for (const { repair } of differences) await repair();
  return differences.flatMap(({ fields }) => fields);
}

describe('media providers', () => {
  it('are not read if none are declared', async () => {
    const application = new FakeApplication();
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it.each([
    [{ bearer: 'token' }, { bearer: 'token' }],
    [{ username: 'me', password: 'word' }, { basic: { username: 'me', password: 'word' } }],
  ])('are set once, with the credentials that the Secret holds: %o', async (data, config) => {
    const application = withStore(data);
    expect(await synchronise(application)).toEqual(['media.providers.store']);
    expect(application.stack.takeWrites()).toEqual([
      [`POST ${PROVIDERS}`, [{ name: 'store', type: 'www', config }]],
    ]);
    const { writes } = application.journals;
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeCalls()).toEqual([`GET ${PROVIDERS}`]);
    expect(application.journals.writes).toBe(writes);
  });

  it('are set again when the Secret changes, and when another client changed them', async () => {
    const application = withStore({ bearer: 'first' });
    await synchronise(application);
    application.secrets = { store: { bearer: 'second' } };
    await synchronise(application);
    application.stack.state.providers = [];
    await synchronise(application);
    expect(
      application.stack.takeWrites().map(([, body]) => (body as [{ config: unknown }])[0].config),
    ).toEqual([{ bearer: 'first' }, { bearer: 'second' }, { bearer: 'second' }]);
  });

  it('are removed when they are no longer declared, but only those that the operator set', async () => {
    const application = withStore({ bearer: 'token' });
    await synchronise(application);
    const byHand = { name: 'other', type: 'www', config: { bearer: 'x' } } as const;
    application.stack.state.providers.push(byHand);
    application.spec = {};
    await synchronise(application);
    expect(application.stack.takeWrites().at(-1)).toEqual([`DELETE ${PROVIDERS}/store`, undefined]);
    expect(application.stack.state.providers).toEqual([byHand]);
    expect(await synchronise(application)).toEqual([]);
  });

  it('are only recorded in the journal if the stack accepted them and the answer was lost', async () => {
    const application = withStore({ bearer: 'token' });
    application.stack.failNext(`POST ${PROVIDERS}`, { lose: 'after' });
    await expect(synchronise(application)).rejects.toMatchObject({ code: 'Unreachable' });
    application.stack.takeCalls();
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeWrites()).toEqual([]);
    expect(Object.keys(application.journal.providers)).toEqual(['store']);
  });

  it('leave the journal unchanged when the stack refuses them', async () => {
    const application = withStore({ bearer: 'token' });
    application.stack.failNext(`POST ${PROVIDERS}`, { refuse: 1009 });
    await expect(synchronise(application)).rejects.toMatchObject({ apiCode: 1009 });
    expect(application.journals.writes).toBe(0);
  });

  it('fail without credentials, and name the Secret, its keys and the field', async () => {
    const application = withStore({ username: 'me' });
    await expect(synchronise(application)).rejects.toMatchObject({
      code: 'SecretMissing',
      message: expect.stringMatching(
        /Secret store .*bearer.*username and password.*spec\.media\.providers\[store\]\.credentialsSecretRef/,
      ),
    });
    expect(application.stack.takeCalls()).toEqual([]);
  });
});
