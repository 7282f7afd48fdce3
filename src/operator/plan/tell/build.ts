import type { NodeSupport } from '../../../onprem/support.ts';
import { met, unknown, unmet, type Verdict } from './conditions.ts';

const DAY_MS = 86_400_000;
/** Days before the end of a build when somebody is told, and from when on it is no longer current. */
const BUILD_WARNINGS = { days: [30, 14, 7], notCurrentDays: 7 } as const;

/** When the first build of the stack expires, epoch ms; nothing while no node says. */
export function buildExpiry(support: Readonly<Record<string, NodeSupport>>): number | undefined {
  const expires = Object.values(support).flatMap(({ expire_timestamp: text }) =>
    text ? [Date.parse(`${text.replace(/Z$/, '')}Z`)] : [],
  );
  return expires.length === 0 ? undefined : Math.min(...expires);
}

/** Whether the build may go on working. A reason of its own for each warning, so that each is told once. */
export function judgeBuild(expiresAt: number | undefined, now: number): Verdict<'BuildCurrent'> {
  if (expiresAt === undefined)
    return unknown('BuildCurrent', 'Unknown', 'no node says when its build expires');
  const leftMs = expiresAt - now;
  const when = new Date(expiresAt).toISOString();
  if (leftMs <= 0)
    return unmet('BuildCurrent', 'Expired', `the build expired at ${when}; upgrade spec.version`);
  const days = [...BUILD_WARNINGS.days].reverse().find((limit) => leftMs <= limit * DAY_MS);
  if (days === undefined) return met('BuildCurrent', 'Current', `the build works until ${when}`);
  const judge = days <= BUILD_WARNINGS.notCurrentDays ? unmet : met;
  return judge('BuildCurrent', `ExpiresIn${days}Days`, `the build expires at ${when}; upgrade spec.version`);
}
