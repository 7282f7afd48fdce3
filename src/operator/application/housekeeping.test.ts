import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { collectWhenDue, due as dueOf } from './housekeeping.ts';

const at = (text: string) => Date.parse(`2026-03-01T${text}:00Z`);
const due = (schedule: string, lastMs: number, nowMs: number) =>
  dueOf({ schedule, field: 'spec.messageRetention.schedule' }, lastMs, nowMs);
const HOUR_MS = 3_600_000;
const MESSAGES = 'PUT /v1/services/message/gc';
const MEDIA = 'PUT /v1/services/media/gc';

describe('a schedule', () => {
  it('is due once its time has come since the last run, however many were missed', () => {
    expect(due('0 3 * * *', at('02:00'), at('02:59'))).toEqual({ isDue: false, nextMs: at('03:00') });
    expect(due('0 3 * * *', at('02:00'), at('03:00'))).toEqual({
      isDue: true,
      nextMs: at('03:00') + 86_400_000,
    });
    expect(due('0 * * * *', at('02:30'), at('09:10'))).toEqual({ isDue: true, nextMs: at('10:00') });
    expect(due('0 3 * * *', at('03:00'), at('03:01')).isDue).toBe(false);
  });

  it('is refused if it is not a cron expression, with its field and an example', () => {
    expect(() => due('nightly', 0, 0)).toThrow(
      expect.objectContaining({
        code: 'BadSchedule',
        message: expect.stringMatching(/spec\.messageRetention\.schedule is "nightly".*"0 3 \* \* \*"/),
      }),
    );
  });
});

/** At midnight, with messages collected at three and media at four. */
const scheduled = () =>
  new FakeApplication({
    messageRetention: { schedule: '0 3 * * *' },
    media: { garbageCollection: { schedule: '0 4 * * *' } },
  });

describe('collections', () => {
  it('cause no call and no wait if none is scheduled', async () => {
    const application = new FakeApplication();
    expect(await collectWhenDue(application.pass())).toBeUndefined();
    expect(application.stack.takeCalls()).toEqual([]);
    expect(application.journals.writes).toBe(0);
  });

  it('start when they are due, once each', async () => {
    const application = scheduled();
    expect(await collectWhenDue(application.pass())).toBe(3 * HOUR_MS);
    await application.clock.advance(3 * HOUR_MS);
    expect(await collectWhenDue(application.pass())).toBe(HOUR_MS);
    await collectWhenDue(application.pass());
    await application.clock.advance(HOUR_MS);
    await collectWhenDue(application.pass());
    expect(application.stack.takeWrites().map(([call]) => call)).toEqual([MESSAGES, MEDIA]);
    expect(application.stack.state.collections).toEqual({ messages: 1, media: 1 });
  });

  it.each([{ lose: 'after' }, { refuse: 1011 }] as const)(
    'are skipped rather than started twice after %o',
    async (fault) => {
      const application = scheduled();
      await collectWhenDue(application.pass());
      await application.clock.advance(3 * HOUR_MS);
      application.stack.failNext(MESSAGES, fault);
      await expect(collectWhenDue(application.pass())).rejects.toMatchObject({ retriable: true });
      await collectWhenDue(application.pass());
      expect(application.stack.takeWrites().map(([call]) => call)).toEqual([MESSAGES]);
      expect(application.journal.collected.messages).toBe(Date.parse('2026-03-01T03:00:00Z'));
    },
  );

  it('do not start when another process has written the journal', async () => {
    const application = scheduled();
    await collectWhenDue(application.pass());
    await application.clock.advance(3 * HOUR_MS);
    application.journals.writeElsewhere((journal) => journal);
    await expect(collectWhenDue(application.pass())).rejects.toMatchObject({ code: 'Conflict' });
    expect(application.stack.takeWrites()).toEqual([]);
  });
});
