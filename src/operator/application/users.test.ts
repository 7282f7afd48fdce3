import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { userDifferences } from './users.ts';

const AGENT = { users: [{ name: 'agent', passwordSecretRef: { name: 'agent', key: 'password' } }] };
const FIRST = { agent: { password: 'First-password-1' } };
const SECOND = { agent: { password: 'Second-password-2' } };

/** Runs one pass with its repairs. Returns the fields that differed. */
async function synchronise(application: FakeApplication): Promise<string[]> {
  const differences = await userDifferences(application.pass());
  for (const { repair } of differences) await repair();
  return differences.flatMap(({ fields }) => fields);
}

/** A stack on which the declared user exists. */
async function withAgent(): Promise<FakeApplication> {
  const application = new FakeApplication(AGENT, { secrets: FIRST });
  await synchronise(application);
  application.stack.takeCalls();
  return application;
}

describe('users of the API', () => {
  it('cause no call if none are declared', async () => {
    const application = new FakeApplication();
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('are created once, with the password of the Secret', async () => {
    const application = new FakeApplication(AGENT, { secrets: FIRST });
    expect(await synchronise(application)).toEqual(['users.agent']);
    expect(application.stack.takeWrites()).toEqual([
      ['POST /v1/users', { username: 'agent', password: 'First-password-1' }],
    ]);
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeCalls()).toEqual(['GET /v1/users/agent']);
  });

  it('get a new password when the Secret changes', async () => {
    const application = await withAgent();
    application.secrets = SECOND;
    await synchronise(application);
    expect(application.stack.takeWrites()).toEqual([
      ['PUT /v1/users/agent', { password: 'Second-password-2' }],
    ]);
    expect(await synchronise(application)).toEqual([]);
  });

  it('get the password in the Secret when they exist already with an unknown password', async () => {
    const application = new FakeApplication(AGENT, { secrets: FIRST });
    application.stack.state.users.agent = 'Somebody-else-9';
    await synchronise(application);
    expect(application.stack.takeWrites()).toEqual([
      ['PUT /v1/users/agent', { password: 'First-password-1' }],
    ]);
  });

  it('are deleted when they are no longer declared, but only those that the operator created', async () => {
    const application = await withAgent();
    application.stack.state.users.boss = 'Made-by-hand-1';
    application.spec = {};
    expect(await synchronise(application)).toEqual(['users.agent']);
    expect(application.stack.takeWrites()).toEqual([['DELETE /v1/users/agent', undefined]]);
    expect(Object.keys(application.stack.state.users)).toEqual(['admin', 'boss']);
    expect(await synchronise(application)).toEqual([]);
  });

  it('can be removed from spec after another client deleted them', async () => {
    const application = await withAgent();
    delete application.stack.state.users.agent;
    application.spec = {};
    await synchronise(application);
    expect(application.journal.users).toEqual({});
  });

  it('are created once when the answer was lost', async () => {
    const application = new FakeApplication(AGENT, { secrets: FIRST });
    application.stack.failNext('POST /v1/users', { lose: 'after' });
    await expect(synchronise(application)).rejects.toMatchObject({ code: 'Unreachable' });
    expect(application.journal.users).toEqual({});
    await synchronise(application);
    expect(application.stack.takeWrites().map(([call]) => call)).toEqual([
      'POST /v1/users',
      'PUT /v1/users/agent',
    ]);
    expect(application.stack.state.users.agent).toBe('First-password-1');
    expect(await synchronise(application)).toEqual([]);
  });

  it('leave the journal unchanged when the stack refuses them', async () => {
    const application = new FakeApplication(AGENT, { secrets: FIRST });
    application.stack.failNext('POST /v1/users', { refuse: 1014 });
    await expect(synchronise(application)).rejects.toMatchObject({ apiCode: 1014 });
    expect(application.journals.writes).toBe(0);
  });

  it('fail without a password, and name the Secret, its key and the field', async () => {
    const application = new FakeApplication(AGENT, { secrets: { agent: {} } });
    await expect(synchronise(application)).rejects.toMatchObject({
      code: 'SecretMissing',
      message: expect.stringMatching(
        /Secret agent has no key password \(spec\.users\[agent\]\.passwordSecretRef\)/,
      ),
    });
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('fail before the call if the stack would refuse the password, naming the rule but not the password', async () => {
    const application = new FakeApplication(AGENT, { secrets: { agent: { password: 'weak' } } });
    const failure = await synchronise(application).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'PasswordRefused', message: expect.stringContaining('8 to 64') });
    expect(String(failure)).toMatch(/Secret agent, key password/);
    expect(String(failure)).not.toContain('weak');
    expect(application.stack.takeCalls()).toEqual([]);
  });
});
