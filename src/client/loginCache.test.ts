import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtualClock.ts';
import type { Session } from './calls.ts';
import { LoginCache, RENEWAL_MS } from './loginCache.ts';
import { StackError } from './stackError.ts';

function cache(lifetimeMs = 10 * RENEWAL_MS) {
  const clock = new VirtualClock();
  const logins = new LoginCache(clock);
  let count = 0;
  const use = <T>(calls: (session: Session) => Promise<T>, user = 'admin') =>
    logins.use(
      user,
      async () => ({ token: `${user}-${++count}`, expiresAtMs: clock.now() + lifetimeMs }),
      calls,
    );
  return { clock, use };
}
const token = async (session: Session) => session.token;
const unauthorised = new StackError('GET /', 401, '');

describe('the tokens of users', () => {
  it('are kept, for each user its own, and callers at the same time share a login', async () => {
    const { use } = cache();
    expect(await Promise.all([use(token), use(token)])).toEqual(['admin-1', 'admin-1']);
    expect(await use(token, 'agent')).toBe('agent-2');
    expect(await use(token)).toBe('admin-1');
  });

  it('are renewed before they expire', async () => {
    const { clock, use } = cache();
    await use(token);
    await clock.advance(9 * RENEWAL_MS - 1);
    expect(await use(token)).toBe('admin-1');
    await clock.advance(1);
    expect(await use(token)).toBe('admin-2');
  });

  it('are replaced once when they are not taken any more', async () => {
    const { use } = cache();
    const seen: string[] = [];
    const refusing = async (session: Session) => {
      seen.push(session.token);
      throw unauthorised;
    };
    await expect(use(refusing)).rejects.toBe(unauthorised);
    expect(seen).toEqual(['admin-1', 'admin-2']);
  });

  it('are not remembered when the login fails', async () => {
    const logins = new LoginCache(new VirtualClock());
    await expect(logins.use('a', async () => Promise.reject(new Error('down')), token)).rejects.toThrow(
      'down',
    );
    expect(await logins.use('a', async () => ({ token: 't', expiresAtMs: 1e12 }), token)).toBe('t');
  });
});
