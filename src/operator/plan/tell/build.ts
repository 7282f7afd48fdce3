import type { NodeSupport } from '../../../onprem/support.ts';
import { met, unknown, unmet, type Verdict } from './conditions.ts';

const DAY_MS = 86_400_000;
/** `days`: when the condition warns before a build expires. `notCurrentDays`: from when on it is False. */
const BUILD_WARNINGS = { days: [30, 14, 7], notCurrentDays: 7 } as const;

/** When the first build of the stack expires, epoch ms; undefined while no node reports it. */
export function buildExpiry(support: Readonly<Record<string, NodeSupport>>): number | undefined {
  const expires = Object.values(support).flatMap(({ expire_timestamp: text }) =>
    text ? [Date.parse(`${text.replace(/Z$/, '')}Z`)] : [],
  );
  return expires.length === 0 ? undefined : Math.min(...expires);
}

/** Whether the build keeps working. Each warning has a reason of its own, so that users see each as a change. */
export function judgeBuild(expiresAt: number | undefined, now: number): Verdict<'BuildCurrent'> {
  if (expiresAt === undefined)
    return unknown('BuildCurrent', 'Unknown', 'no node reports when its build expires');
  const leftMs = expiresAt - now;
  const when = new Date(expiresAt).toISOString();
  if (leftMs <= 0)
    return unmet(
      'BuildCurrent',
      'Expired',
      `the build expired at ${when}; set spec.version to a newer version`,
    );
  const days = [...BUILD_WARNINGS.days].reverse().find((limit) => leftMs <= limit * DAY_MS);
  if (days === undefined) return met('BuildCurrent', 'Current', `the build works until ${when}`);
  const judge = days <= BUILD_WARNINGS.notCurrentDays ? unmet : met;
  return judge(
    'BuildCurrent',
    `ExpiresIn${days}Days`,
    `the build expires at ${when}; set spec.version to a newer version`,
  );
}
