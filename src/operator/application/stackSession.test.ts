import { describe, expect, it } from 'vitest';
import { FakeStack } from '../../../test/support/fakeStack.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { type StackAccess, StackSessions } from './stackSession.ts';

const KEY = 'default/shop';
const never = new AbortController().signal;
const PUT_ADMIN = 'PUT /v1/users/admin';
const DAY_MS = 86_400_000;

/** A stack whose admin has a password, and the credentials that the operator knows. */
function sessionsOf(password: string) {
  const clock = new VirtualClock(Date.parse('2026-03-01T00:00:00Z'));
  const stack = new FakeStack(clock);
  stack.state.users.admin = password;
  const accepted: string[] = [];
  const announced: (string | undefined)[] = [];
  const access: StackAccess = {
    host: 'shop-webapp.default.svc',
    port: 443,
    ca: '',
    certificateNames: [],
    username: 'admin',
    password: 'Wanted-password-2',
    passwordSource: 'Secret shop-admin, key password',
    previousPassword: 'Previous-password-1',
    apiKey: 'key',
    onPassword: async (taken) => void accepted.push(taken),
    beforePassword: async (known) => void announced.push(known),
  };
  const sessions = new StackSessions({ clock, connect: () => stack });
  const shards = (changed: Partial<StackAccess> = {}) =>
    sessions.asAdmin(
      KEY,
      { ...access, ...changed },
      (client, session) => client.account.shards(session, never),
      never,
    );
  return { clock, stack, accepted, announced, sessions, shards };
}

describe('a session of the administrator', () => {
  it('logs in once for many calls, and again when the stack no longer accepts the token', async () => {
    const { stack, shards } = sessionsOf('Wanted-password-2');
    for (let call = 0; call < 3; call++) expect(await shards()).toBe(1);
    expect(stack.logins).toBe(1);
    expect(await shards()).toBe(1);
    expect(stack.logins).toBe(2);
  });

  it('logs in again before the token expires', async () => {
    const { clock, stack, shards } = sessionsOf('Wanted-password-2');
    await shards();
    await clock.advance(7 * DAY_MS - 1_000);
    await shards();
    expect(stack.logins).toBe(2);
    expect(stack.takeCalls()).toHaveLength(2);
  });

  it('replaces the default password of a new stack with the password in the Secret', async () => {
    const { stack, accepted, shards } = sessionsOf('secret');
    await shards();
    expect(stack.state.users.admin).toBe('Wanted-password-2');
    expect(accepted).toEqual(['Wanted-password-2']);
  });

  it('sets the password in the Secret after logging in with the previous one', async () => {
    const { stack, accepted, shards } = sessionsOf('Previous-password-1');
    await shards();
    expect(stack.takeWrites()).toEqual([[PUT_ADMIN, { password: 'Wanted-password-2' }]]);
    expect(accepted).toEqual(['Wanted-password-2']);
  });

  it('logs in with the new password when the answer to the change was lost', async () => {
    const { stack, accepted, shards } = sessionsOf('Previous-password-1');
    stack.failNext(PUT_ADMIN, { lose: 'after' });
    await expect(shards()).rejects.toMatchObject({ code: 'Unreachable' });
    expect(accepted).toEqual([]);
    await shards();
    expect(stack.takeWrites()).toHaveLength(1);
    expect(accepted).toEqual(['Wanted-password-2']);
  });

  it('announces a password before it sets it, with the one that the stack accepts', async () => {
    const { stack, announced, accepted, shards } = sessionsOf('Previous-password-1');
    stack.failNext(PUT_ADMIN, { lose: 'after' });
    await expect(shards()).rejects.toMatchObject({ code: 'Unreachable' });
    expect(announced).toEqual(['Previous-password-1']);
    expect(accepted).toEqual([]);
  });

  it('logs in with a password that the stack took unnoticed, when the Secret holds yet another one', async () => {
    const { stack, announced, accepted, shards } = sessionsOf('Pending-password-3');
    await shards({ pendingPassword: 'Pending-password-3' });
    expect(stack.state.users.admin).toBe('Wanted-password-2');
    expect(announced).toEqual(['Pending-password-3']);
    expect(accepted).toEqual(['Wanted-password-2']);
  });

  it('logs in when another process has set the wanted password meanwhile', async () => {
    const { stack, accepted, shards } = sessionsOf('Set-by-hand-9');
    const beforePassword = async () => {
      stack.state.users.admin = 'Wanted-password-2';
    };
    await shards({ beforePassword });
    expect(accepted).toEqual(['Wanted-password-2']);
  });

  it('fails when the stack accepts no known password, naming the Secret and key but no password', async () => {
    const { shards } = sessionsOf('Set-by-hand-9');
    const failure = await shards().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'CredentialsUnknown' });
    expect(String(failure)).toContain('Secret shop-admin, key password');
    expect(String(failure)).not.toMatch(/Wanted|Previous/);
  });

  it('ends when its address or credentials change', async () => {
    const { stack, shards } = sessionsOf('Wanted-password-2');
    await shards();
    await shards({ ca: 'another authority' });
    expect(stack.logins).toBe(2);
  });
});
