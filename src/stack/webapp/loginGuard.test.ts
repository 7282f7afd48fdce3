import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import { LoginGuard } from './loginGuard.ts';

const { signal } = new AbortController();
const [here, there] = ['192.0.2.1', '192.0.2.2'];
const who = (address = here, name = 'admin') => ({ address, name });
const wrong = async () => undefined;
const right = async () => 'admin';

describe('the guard of logins', () => {
  it('lets a few failures pass at once, and makes each one after them wait longer', async () => {
    const clock = new VirtualClock();
    const guard = new LoginGuard(clock);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 10; attempt++) {
      const begun = clock.now();
      let isOver = false;
      const done = guard.attempt(who(), wrong, signal).finally(() => {
        isOver = true;
      });
      await clock.advance(0);
      while (!isOver) await clock.advance(250);
      await done;
      waits.push(clock.now() - begun);
    }
    expect(waits).toEqual([0, 0, 0, 250, 500, 1000, 2000, 4000, 5000, 5000]);
  });

  it('forgets the failures of whoever logs in, and makes nobody at another address wait', async () => {
    const clock = new VirtualClock();
    const guard = new LoginGuard(clock);
    for (let attempt = 0; attempt < 3; attempt++) await guard.attempt(who(), wrong, signal);
    expect(await guard.attempt(who(there), right, signal)).toBe('admin');
    expect(await guard.attempt(who(here, 'agent'), right, signal)).toBe('admin');
    const owner = guard.attempt(who(), right, signal);
    await clock.advance(250);
    expect(await owner).toBe('admin');
    expect(await guard.attempt(who(), right, signal)).toBe('admin');
  });

  it('checks one password of a name at a time, and turns a flood away before it costs anything', async () => {
    const clock = new VirtualClock();
    const guard = new LoginGuard(clock);
    let [running, most, checked] = [0, 0, 0];
    const slow = async () => {
      running += 1;
      checked += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return undefined;
    };
    const flood = Array.from({ length: 200 }, () => guard.attempt(who(), slow, signal));
    let isOver = false;
    const results = Promise.allSettled(flood).finally(() => {
      isOver = true;
    });
    expect(await guard.attempt(who(there), right, signal)).toBe('admin');
    while (!isOver) await clock.advance(250);
    const refused = (await results).filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(180);
    expect(refused[0]).toMatchObject({ reason: { code: 1015 } });
    expect([most, checked]).toEqual([1, 20]);
    const later = guard.attempt(who(), right, signal);
    await clock.advance(5_000);
    expect(await later).toBe('admin');
  });

  it('keeps no more than it needs: old failures are forgotten', async () => {
    const clock = new VirtualClock();
    const guard = new LoginGuard(clock);
    for (let attempt = 0; attempt < 5; attempt++) {
      const done = guard.attempt(who(), wrong, signal);
      await clock.advance(5_000);
      await done;
    }
    await clock.advance(16 * 60_000);
    expect(await guard.attempt(who(), right, signal)).toBe('admin');
  });
});
