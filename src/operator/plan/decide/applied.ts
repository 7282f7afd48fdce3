import type { PlanEntry } from '../../resource/status.ts';
import type { Observed } from '../facts/observed.ts';
import { type Child, childKey } from '../render/child.ts';
import { holdOperatorChanges, type RollPolicy, wantsRoll } from './rollout.ts';

/** Children to apply now, and changes that wait. */
export interface Applied {
  readonly apply: readonly Child[];
  readonly waiting: readonly PlanEntry[];
  /** Running pods must restart, or are restarting. */
  readonly rolls: boolean;
}

/** Applies children that restart pods as the policy allows, all others immediately. */
export function applied(
  children: readonly Child[],
  { children: live }: Observed,
  policy: RollPolicy,
): Applied {
  const liveOf = ({ object }: Child) => live.get(childKey(object));
  return merged(
    ...children.map((child) => ({
      ...(child.restarts
        ? holdOperatorChanges(child, liveOf(child), policy)
        : { apply: [child], waiting: [] }),
      rolls: wantsRoll(child, liveOf(child), policy),
    })),
  );
}

export const merged = (...parts: readonly Applied[]): Applied => ({
  apply: parts.flatMap(({ apply }) => apply),
  waiting: parts.flatMap(({ waiting }) => waiting),
  rolls: parts.some(({ rolls }) => rolls),
});
