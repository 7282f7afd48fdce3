import { GRAPH_VERSION, graphVersionEnd } from '../../../cloud/graphVersions.ts';
import type { NodeSupport } from '../../../onprem/support.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { met, unknown, unmet, type Verdict } from './conditions.ts';

const DAY_MS = 86_400_000;
/** From when on the condition is False. */
const NOT_CURRENT_DAYS = 7;
/** When the condition warns before a build expires, and before a version of the Graph API ends. */
const WARN_DAYS = { build: [30, 14, 7], graph: [60, 30, 7] } as const;

/** When what the stack runs on expires, epoch ms: its build, or the version of the Graph API behind it. Undefined if nobody tells. */
export function clientExpiry(
  { spec }: Pick<WhatsAppDeployment, 'spec'>,
  support: Readonly<Record<string, NodeSupport>>,
): number | undefined {
  if (!spec.cloud) return buildExpiry(support);
  const end = graphVersionEnd(spec.cloud.graphVersion);
  return typeof end === 'number' ? end : undefined;
}

/** Whether what the stack runs on keeps working. */
export function judgeClient(
  resource: Pick<WhatsAppDeployment, 'spec'>,
  support: Readonly<Record<string, NodeSupport>>,
  now: number,
): Verdict<'BuildCurrent'> {
  const { cloud } = resource.spec;
  return cloud ? judgeGraphVersion(cloud.graphVersion, now) : judgeBuild(buildExpiry(support), now);
}

function judgeGraphVersion(version: string, now: number): Verdict<'BuildCurrent'> {
  const end = graphVersionEnd(version);
  const fix = `set spec.cloud.graphVersion to ${GRAPH_VERSION}`;
  if (end === 'open')
    return met('BuildCurrent', 'Current', `version ${version} of the Graph API has no known end`);
  if (end === 'ended' || end <= now)
    return unmet(
      'BuildCurrent',
      'Expired',
      `version ${version} of the Graph API has ended, and the Cloud API serves its calls as the oldest living version; ${fix}`,
    );
  const when = new Date(end).toISOString().slice(0, 10);
  return warned({
    leftMs: end - now,
    days: WARN_DAYS.graph,
    current: `version ${version} of the Graph API ends on ${when}`,
    expires: `version ${version} of the Graph API ends on ${when}; ${fix}`,
  });
}

/** Each warning has a reason of its own, so that users see each as a change. */
function warned({
  leftMs,
  days: limits,
  current,
  expires,
}: {
  readonly leftMs: number;
  readonly days: readonly (60 | 30 | 14 | 7)[];
  readonly current: string;
  readonly expires: string;
}): Verdict<'BuildCurrent'> {
  const days = limits.toReversed().find((limit) => leftMs <= limit * DAY_MS);
  if (days === undefined) return met('BuildCurrent', 'Current', current);
  const judge = days <= NOT_CURRENT_DAYS ? unmet : met;
  return judge('BuildCurrent', `ExpiresIn${days}Days`, expires);
}

/** When the first build of the stack expires, epoch ms; undefined while no node reports it. */
export function buildExpiry(support: Readonly<Record<string, NodeSupport>>): number | undefined {
  const expires = Object.values(support).flatMap(({ expire_timestamp: text }) =>
    text ? [Date.parse(`${text.replace(/Z$/, '')}Z`)] : [],
  );
  return expires.length === 0 ? undefined : Math.min(...expires);
}

/** Whether the build keeps working. */
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
  return warned({
    leftMs,
    days: WARN_DAYS.build,
    current: `the build works until ${when}`,
    expires: `the build expires at ${when}; set spec.version to a newer version`,
  });
}
