import { Cron } from 'croner';
import { CodedError } from '../../base/codedError.ts';
import { type ApplicationPass, journalOf, updateJournal } from './pass.ts';

/** Whether a schedule was due since it ran last, and when it is due next. Schedules are UTC. @throws CodedError `BadSchedule` */
export function due(schedule: string, lastMs: number, nowMs: number): { isDue: boolean; nextMs: number } {
  const cron = parse(schedule);
  const after = cron.nextRun(new Date(lastMs))?.getTime() ?? Number.POSITIVE_INFINITY;
  return after <= nowMs
    ? { isDue: true, nextMs: cron.nextRun(new Date(nowMs))?.getTime() ?? Number.POSITIVE_INFINITY }
    : { isDue: false, nextMs: after };
}

function parse(schedule: string): Cron {
  try {
    return new Cron(schedule, { timezone: 'UTC' });
  } catch (cause) {
    throw new CodedError('BadSchedule', `${schedule} is no cron schedule, like 0 3 * * *`, { cause });
  }
}

/**
 * Starts collections of old messages and media when they are due. The journal is written before: after a crash a run is
 * left out rather than made twice. @returns ms until the next one
 */
export async function collectWhenDue(pass: ApplicationPass): Promise<number | undefined> {
  const { asAdmin, signal, nowMs, observed } = pass;
  const { messageRetention, media } = observed.resource.spec;
  const schedules = { messages: messageRetention?.schedule, media: media?.garbageCollection?.schedule };
  let nextMs = Number.POSITIVE_INFINITY;
  for (const what of ['messages', 'media'] as const) {
    const schedule = schedules[what];
    if (schedule === undefined) continue;
    // What was never run begins to count now.
    const last = journalOf(pass).collected[what];
    const { isDue, nextMs: next } = due(schedule, last ?? nowMs, nowMs);
    nextMs = Math.min(nextMs, next);
    if (!isDue && last !== undefined) continue;
    await updateJournal(pass, (journal) => ({
      ...journal,
      collected: { ...journal.collected, [what]: nowMs },
    }));
    if (isDue)
      await asAdmin((client, session) =>
        what === 'messages'
          ? client.services.collectMessages(session, signal)
          : client.services.collectMedia(session, signal),
      );
  }
  return Number.isFinite(nextMs) ? Math.max(0, nextMs - nowMs) : undefined;
}
