import { Cron } from 'croner';
import { SCHEDULE_PROBLEM } from '../../resource/schedule.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { backupScheduleProblem } from './backups.ts';

type Window = NonNullable<WhatsAppDeployment['spec']['upgrade']['window']>;

/** What is wrong with the schedules of a spec: what the CRD's expression lets through, such as a range that ends too early. */
export function scheduleProblem({
  upgrade,
  messageRetention,
  media,
  backup,
}: WhatsAppDeployment['spec']): string | undefined {
  const schedules = {
    'spec.messageRetention.schedule': messageRetention?.schedule,
    'spec.media.garbageCollection.schedule': media?.garbageCollection?.schedule,
  };
  for (const [field, schedule] of Object.entries(schedules)) {
    if (schedule !== undefined && !isCron(schedule)) return `${field}: "${schedule}" ${SCHEDULE_PROBLEM}`;
  }
  return backupScheduleProblem(backup) ?? (upgrade.window && windowProblem(upgrade.window));
}

function isCron(schedule: string): boolean {
  try {
    new Cron(schedule, { paused: true });
    return true;
  } catch {
    return false;
  }
}

/** Whether a maintenance window is open, and otherwise when it opens next (epoch ms; undefined if never). */
export type WindowState =
  | { readonly isOpen: true }
  | { readonly isOpen: false; readonly opensAtMs: number | undefined };

/** What is wrong with a window, with the path of the field. */
export function windowProblem({ schedule, timeZone }: Window): string | undefined {
  try {
    // A wrong time zone is found only when a date is computed.
    new Cron(schedule, { timezone: timeZone, paused: true }).nextRun(new Date(0));
    return undefined;
  } catch {
    return `spec.upgrade.window: "${schedule}" in time zone "${timeZone}" is not a cron expression in a known time zone; write one such as schedule "0 2 * * *" and timeZone "Europe/Berlin"`;
  }
}

/** The window at a time. Call it only for a window without a problem. */
export function windowAt({ schedule, timeZone, durationMinutes }: Window, nowMs: number): WindowState {
  const cron = new Cron(schedule, { timezone: timeZone, paused: true });
  const startAfter = (ms: number) => cron.nextRun(new Date(ms))?.getTime();
  const start = startAfter(nowMs - durationMinutes * 60_000);
  if (start !== undefined && start <= nowMs) return { isOpen: true };
  return { isOpen: false, opensAtMs: startAfter(nowMs) };
}
