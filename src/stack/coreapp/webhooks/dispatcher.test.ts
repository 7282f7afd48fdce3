import { describe, expect, it } from 'vitest';
import { sleep } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/logger.ts';
import { VirtualClock } from '../../../base/virtualClock.ts';
import type { CallbackStore } from '../../store/callbackStore.ts';
import type { CallbackReport } from '../../wire/reports.ts';
import { NodeMetrics } from '../nodeMetrics.ts';
import { WebhookDispatcher } from './dispatcher.ts';
import { MemoryCallbacks } from './memoryCallbacks.ts';

const SETTINGS = {
  url: 'https://receiver.test/',
  maxConcurrentRequests: 6,
  backoffMs: 3_000,
  maxBackoffMs: 900_000,
  ca: undefined,
};
const HOUR_MS = 3_600_000;
const NEVER = new AbortController().signal;

/** What a body tells: `m sent`, and `m sent, n sent` where two share it. */
const textOf = (body: string): string =>
  (JSON.parse(body) as { statuses: { is: string }[] }).statuses.map(({ is }) => is).join(', ');

/** A dispatcher of callbacks, kept as the database keeps them, that posts to a receiver. */
function dispatcherTo(receiver: (payload: string) => Promise<string | undefined> | string | undefined) {
  const clock = new VirtualClock();
  /** The table, with the rules of `CallbackStore`, which has tests of its own in test/contract. */
  let rows: {
    seq: number;
    about: string;
    payload: string;
    attempts: number;
    dueMs: number;
    sinceMs: number;
  }[] = [];
  /** A read answers late with what it found at once; a write takes effect late. */
  const database = { isReadOnly: false, readMs: 0, writeMs: 0 };
  const late = (ms: number) => (ms > 0 ? sleep(clock, ms, NEVER) : undefined);
  const write = (change: () => void) => {
    if (database.isReadOnly) throw new Error('cannot execute in a read-only transaction');
    change();
  };
  const store: Pick<CallbackStore, 'due' | 'remove' | 'postpone' | 'hasten'> = {
    due: async (_, limit, except) => {
      const isAtHand = ({ seq }: { seq: number }) => except.includes(seq);
      const waits = (row: { seq: number; dueMs: number }) => !isAtHand(row) && row.dueMs > clock.now();
      const found = rows
        .filter(
          (row) =>
            !isAtHand(row) &&
            !rows.some((each) => each.about === row.about && each.seq <= row.seq && waits(each)),
        )
        .slice(0, limit)
        .map((row) => ({ ...row, key: String(row.seq), ageSeconds: (clock.now() - row.sinceMs) / 1000 }));
      await late(database.readMs);
      return found;
    },
    remove: async (seqs) =>
      write(() => {
        rows = rows.filter((row) => !seqs.includes(row.seq));
      }),
    postpone: async ({ seq, about }, attempts, delayMs) => {
      await late(database.writeMs);
      write(() => {
        for (const row of rows) {
          if (row.seq === seq) row.attempts = attempts;
          if (row.about === about && row.seq >= seq) row.dueMs = clock.now() + delayMs;
        }
      });
    },
    hasten: async () => {},
  };
  let next = 1;
  const posted: string[] = [];
  const reports: CallbackReport[] = [];
  const dispatcher = new WebhookDispatcher({
    store: store as CallbackStore,
    memory: new MemoryCallbacks(clock),
    metrics: new NodeMetrics(),
    poster: {
      configure: () => {},
      close: () => {},
      post: async (_, payload) => {
        posted.push(textOf(payload));
        return { problem: await receiver(payload) };
      },
    },
    clock,
    logger: silentLogger,
    onDelivered: () => {},
    onAttempt: (report) => reports.push(report()),
  });
  dispatcher.configure(SETTINGS, 0);
  const add = (message: string, status: 'sent' | 'delivered' | 'read') => {
    const row = { about: message, payload: JSON.stringify({ statuses: [{ is: `${message} ${status}` }] }) };
    rows.push({ ...row, seq: next++, attempts: 0, dueMs: clock.now(), sinceMs: clock.now() });
    dispatcher.wake();
  };
  const forgetAll = () => {
    rows = [];
    dispatcher.forget();
  };
  return { clock, forgetAll, waiting: () => rows.length, database, posted, reports, add };
}

describe('a dispatcher', () => {
  it('posts each callback once while the database is read-only, and removes it when it can', async () => {
    const { clock, waiting, database, posted, add } = dispatcherTo(() => undefined);
    database.isReadOnly = true;
    for (let index = 0; index < 5; index++) add(`m${index}`, 'sent');
    await clock.advance(HOUR_MS);
    expect([posted.length, waiting()]).toEqual([5, 5]);
    database.isReadOnly = false;
    await clock.advance(60_000);
    expect([posted.length, waiting()]).toEqual([5, 0]);
  });

  it('posts the statuses of a message one after another, also if one has to wait', async () => {
    let refusals = 3;
    const { clock, posted, add } = dispatcherTo((payload) =>
      payload.includes('slow sent') && refusals-- > 0 ? 'HTTP 500' : undefined,
    );
    for (const status of ['sent', 'delivered', 'read'] as const)
      for (const id of ['slow', 'quick']) add(id, status);
    await clock.advance(60_000);
    const of = (id: string) => posted.filter((text) => text.startsWith(id)).map((text) => text.split(' ')[1]);
    expect(of('quick')).toEqual(['sent', 'delivered', 'read']);
    expect(of('slow')).toEqual(['sent', 'sent', 'sent', 'sent', 'delivered', 'read']);
    expect(posted.indexOf('quick read')).toBeLessThan(posted.indexOf('slow delivered'));
  });

  it.each([
    ['while the database is asked', { readMs: 500 }],
    ['and the database takes its time to store that', { writeMs: 500 }],
  ])('keeps the order of a message whose status was refused %s', async (_, slow) => {
    let refusals = 1;
    const { clock, waiting, database, posted, add } = dispatcherTo(async (payload) => {
      await new Promise<void>((resolve) => clock.after(100, resolve));
      return payload.includes('sent') && refusals-- > 0 ? 'HTTP 500' : undefined;
    });
    Object.assign(database, slow);
    add('m', 'sent');
    await clock.advance(50);
    add('m', 'delivered');
    await clock.advance(200);
    add('m', 'read');
    await clock.advance(60_000);
    expect(posted).toEqual(['m sent', 'm sent', 'm delivered', 'm read']);
    expect(waiting()).toBe(0);
  });

  it('reports nothing of a callback that it was told to forget while the receiver was busy', async () => {
    let answer = (_: string) => {};
    const { clock, forgetAll, posted, reports, add } = dispatcherTo(
      () => new Promise<string>((resolve) => (answer = resolve)),
    );
    add('m', 'sent');
    await clock.advance(1_000);
    forgetAll();
    answer('HTTP 503');
    await clock.advance(1_000);
    expect([posted, reports]).toEqual([['m sent'], []]);
  });

  it('posts on while one receiver never answers', async () => {
    const { clock, posted, add } = dispatcherTo((payload) =>
      payload.includes('stuck') ? new Promise(() => {}) : undefined,
    );
    add('stuck', 'sent');
    add('well', 'sent');
    await clock.advance(1_000);
    expect(posted).toEqual(['stuck sent', 'well sent']);
  });

  it('gives a receiver that is down for 24 hours its callbacks again and again, and drops them then', async () => {
    const { clock, waiting, posted, add } = dispatcherTo(() => 'HTTP 500');
    add('m', 'sent');
    await clock.advance(23 * HOUR_MS);
    expect(waiting()).toBe(1);
    // Linear delays up to 15 minutes.
    expect(posted.length).toBeGreaterThan(100);
    expect(posted.length).toBeLessThan(400);
    await clock.advance(2 * HOUR_MS);
    expect(waiting()).toBe(0);
  });

  it('reports each attempt, the delay before the next one, and how it ended', async () => {
    let refusals = 1;
    const { clock, reports, add } = dispatcherTo(() => (refusals-- > 0 ? 'HTTP 500' : undefined));
    add('m', 'sent');
    await clock.advance(10_000);
    const attempt = { url: SETTINGS.url, durationMs: 0 };
    expect(reports).toMatchObject([
      { key: '1', state: 'waiting', delayMs: 3_000, attempt: { ...attempt, at: 0, problem: 'HTTP 500' } },
      { key: '1', state: 'delivered', attempt: { ...attempt, problem: undefined } },
    ]);
    expect(reports[1]).not.toHaveProperty('delayMs');
  });

  it('lets statuses share callbacks once a slow receiver has made one wait, and loses and repeats none', async () => {
    const { clock, waiting, posted, reports, add } = dispatcherTo(
      () => new Promise((resolve) => clock.after(1_000, () => resolve(undefined))),
    );
    for (let index = 0; index < 63; index++)
      for (const status of ['sent', 'read'] as const) add(`m${index}`, status);
    await clock.advance(10_000);
    expect(posted.slice(0, 6).every((text) => !text.includes(','))).toBe(true);
    expect(posted.slice(6, 8).map((text) => text.split(', ').length)).toEqual([50, 50]);
    const told = posted.flatMap((text) => text.split(', '));
    expect([new Set(told).size, told.length, waiting(), reports.length]).toEqual([126, 126, 0, 126]);
    for (let index = 0; index < 63; index++)
      expect(told.indexOf(`m${index} sent`)).toBeLessThan(told.indexOf(`m${index} read`));
  });

  it('lets all statuses share callbacks while the load is above the rate, and none soon after', async () => {
    const { clock, posted, add } = dispatcherTo(() => undefined);
    let next = 0;
    const load = async (perSecond: number) => {
      const before = posted.length;
      for (let tick = 0; tick < 10; tick++) {
        for (let index = 0; index < perSecond / 10; index++) add(`m${next++}`, 'sent');
        await clock.advance(100);
      }
      return posted.length - before;
    };
    await load(2_000);
    expect(await load(2_000)).toBeLessThan(100);
    await load(100);
    expect(await load(100)).toBe(100);
  });

  it('lets statuses share callbacks at once if more wait than it reads', async () => {
    const { clock, posted, add } = dispatcherTo(
      () => new Promise((resolve) => clock.after(100, () => resolve(undefined))),
    );
    for (let index = 0; index < 2_000; index++) add(`m${index}`, 'sent');
    await clock.advance(2_000);
    expect(posted.flatMap((text) => text.split(', '))).toHaveLength(2_000);
    expect(posted.length).toBeLessThan(100);
  });

  it('gives each status a callback of its own after a body that they shared was refused', async () => {
    let isDown = true;
    const { clock, waiting, posted, add } = dispatcherTo(async () => {
      await new Promise<void>((resolve) => clock.after(1_000, resolve));
      return isDown ? 'HTTP 500' : undefined;
    });
    for (let index = 0; index < 8; index++) add(`m${index}`, 'sent');
    await clock.advance(2_500);
    expect(posted.at(-1)).toBe('m6 sent, m7 sent');
    isDown = false;
    await clock.advance(60_000);
    expect(posted.slice(7).sort()).toEqual(Array.from({ length: 8 }, (_, index) => `m${index} sent`));
    expect(waiting()).toBe(0);
  });
});
