import { hashOf } from '../../../engine/kube/ownFields.ts';
import type { WhatsAppFleet } from '../../resource/whatsAppFleet.ts';

export type RingSpec = WhatsAppFleet['spec']['rings'][number];

/** A fleet without rings is one ring. */
const WHOLE: RingSpec = { name: 'all', soakSeconds: 0 };

/** What a stack is put into a ring by. */
interface Member {
  /** `namespace/name` */
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Ring<M extends Member> {
  readonly spec: RingSpec;
  /** In the order in which they change. */
  readonly members: readonly M[];
}

export const hasLabels = (
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean => Object.entries(wanted).every(([key, value]) => labels[key] === value);

/**
 * Puts each stack into the first ring that takes it. A share takes the stacks whose hashes are lowest, so that a fleet
 * that grows or shrinks keeps nearly all stacks in their rings, and names do not decide who is a canary.
 */
export function ringsOf<M extends Member>(
  rings: readonly RingSpec[],
  members: readonly M[],
): { readonly rings: readonly Ring<M>[]; readonly withoutRing: readonly M[] } {
  const hashes = new Map(members.map(({ key }) => [key, hashOf(key)]));
  const inOrder = [...members].sort((a, b) =>
    (hashes.get(a.key) ?? '') < (hashes.get(b.key) ?? '') ? -1 : 1,
  );
  // Selectors come first: a stack that somebody gave the label of a late ring is in no share of an earlier one.
  const bySelector = new Map<string, RingSpec>();
  for (const ring of rings)
    for (const { key, labels } of inOrder)
      if (ring.selector && hasLabels(labels, ring.selector.matchLabels) && !bySelector.has(key))
        bySelector.set(key, ring);
  let left = inOrder.filter(({ key }) => !bySelector.has(key));
  const result = (rings.length === 0 ? [WHOLE] : rings).map((spec): Ring<M> => {
    if (spec.selector) return { spec, members: inOrder.filter(({ key }) => bySelector.get(key) === spec) };
    const size =
      spec.percentage === undefined ? left.length : Math.ceil((spec.percentage / 100) * members.length);
    const taken = left.slice(0, size);
    left = left.slice(size);
    return { spec, members: taken };
  });
  return { rings: result, withoutRing: left };
}

/** How many stacks of a ring may change at a time. */
export const roomOf = ({
  spec: { maxUnavailable = 1, maxUnavailablePercent: percent },
  members,
}: Ring<Member>): number =>
  percent === undefined ? maxUnavailable : Math.max(1, Math.ceil((percent / 100) * members.length));
