import type { Observed } from '../facts/observed.ts';
import { type Child, childKey } from '../render/child.ts';
import { holdOperatorChanges, type Rollout, type RollPolicy } from './rollout.ts';

/** Applies children that restart pods as the policy allows, all others immediately. */
export const applied = (
  children: readonly Child[],
  { children: live }: Observed,
  policy: RollPolicy,
): Rollout =>
  merged(
    ...children.map((child) =>
      child.restarts
        ? holdOperatorChanges(child, live.get(childKey(child.object)), policy)
        : { apply: [child], waiting: [], rolls: false },
    ),
  );

export const merged = (...parts: readonly Rollout[]): Rollout => ({
  apply: parts.flatMap(({ apply }) => apply),
  waiting: parts.flatMap(({ waiting }) => waiting),
  rolls: parts.some(({ rolls }) => rolls),
});
