import type { PlanEntry } from '../../resource/status.ts';
import type { Forecast } from './forecast.ts';

/** Entries that `status.plan` may have. */
const MOST = 64;

/** A forecast as `status.plan`: what happens, then what waits. */
export function planEntries({ name, entries, waits }: Forecast): PlanEntry[] {
  const all = [
    ...entries.map(({ target, action, reason, isMaybe }) => ({
      target,
      action,
      reason: isMaybe ? `perhaps: ${reason}` : reason,
    })),
    ...waits.filter(({ action }) => action !== 'All'),
  ].map(({ target, action, reason }) => ({
    target: target.slice(0, 253),
    action: action.slice(0, 64),
    reason: reason.slice(0, 1024),
  }));
  if (all.length <= MOST) return all;
  const rest = all.length - MOST + 1;
  const more = `and ${rest} more; kubectl waba plan ${name} lists all`;
  return [...all.slice(0, MOST - 1), { target: `WhatsAppDeployment/${name}`, action: 'More', reason: more }];
}
