import { Cron } from 'croner';
import type { Session } from '../../client/calls.ts';
import type { StackClient } from '../../client/stackClient.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { ApplicationError } from './applicationError.ts';
import { type ApplicationPass, journalOf, updateJournal } from './pass.ts';

/**
 * Whether a schedule (UTC) has been due since its last run, and when it is due next.
 * @throws ApplicationError `BadSchedule`, which names the field
 */
export function due(
  { schedule, field }: { readonly schedule: string; readonly field: string },
  lastMs: number,
  nowMs: number,
): { isDue: boolean; nextMs: number } {
  const cron = parse(schedule, field);
  const after = cron.nextRun(new Date(lastMs))?.getTime() ?? Number.POSITIVE_INFINITY;
  return after <= nowMs
    ? { isDue: true, nextMs: cron.nextRun(new Date(nowMs))?.getTime() ?? Number.POSITIVE_INFINITY }
    : { isDue: false, nextMs: after };
}

function parse(schedule: string, field: string): Cron {
  try {
    return new Cron(schedule, { timezone: 'UTC' });
  } catch (cause) {
    throw new ApplicationError(
      'BadSchedule',
      `${field} is "${schedule}", which is not a cron expression; write one such as "0 3 * * *"`,
      { cause },
    );
  }
}

interface Collection {
  readonly what: 'messages' | 'media';
  /** Path of the field that schedules it. */
  readonly field: string;
  readonly schedule: (spec: WhatsAppDeployment['spec']) => string | undefined;
  readonly start: (client: StackClient, session: Session, signal: AbortSignal) => Promise<void>;
}

const COLLECTIONS: readonly Collection[] = [
  {
    what: 'messages',
    field: 'spec.messageRetention.schedule',
    schedule: ({ messageRetention }) => messageRetention?.schedule,
    start: (client, session, signal) => client.services.collectMessages(session, signal),
  },
  {
    what: 'media',
    field: 'spec.media.garbageCollection.schedule',
    schedule: ({ media }) => media?.garbageCollection?.schedule,
    start: (client, session, signal) => client.services.collectMedia(session, signal),
  },
];

/**
 * Starts the collections of old messages and media that are due. The journal is written before the call: after a crash
 * a collection is skipped rather than started twice.
 * @returns ms until the next one
 */
export async function collectWhenDue(pass: ApplicationPass): Promise<number | undefined> {
  const { asAdmin, signal, nowMs, observed } = pass;
  let nextMs = Number.POSITIVE_INFINITY;
  for (const { what, field, schedule: scheduleOf, start } of COLLECTIONS) {
    const schedule = scheduleOf(observed.resource.spec);
    if (schedule === undefined) continue;
    // A new schedule starts from now.
    const last = journalOf(pass).collected[what];
    const { isDue, nextMs: next } = due({ schedule, field }, last ?? nowMs, nowMs);
    nextMs = Math.min(nextMs, next);
    if (!isDue && last !== undefined) continue;
    await updateJournal(pass, (journal) => ({
      ...journal,
      collected: { ...journal.collected, [what]: nowMs },
    }));
    if (isDue) await asAdmin((client, session) => start(client, session, signal));
  }
  return Number.isFinite(nextMs) ? Math.max(0, nextMs - nowMs) : undefined;
}
