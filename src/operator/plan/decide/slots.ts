/** Which slots of a role there are to be, and which go. */
export interface SlotPlan {
  /** Indexes, ascending. */
  readonly keep: readonly number[];
  readonly remove: readonly number[];
}

/**
 * Slots are taken away only while it is known which of them own nothing: a removed owner would be a failover. They are
 * filled from the lowest free index, so that names stay small.
 */
export function planSlots(
  existing: readonly number[],
  count: number,
  /** Indexes that own a shard; nothing while nobody can say. */
  owners: ReadonlySet<number> | undefined,
): SlotPlan {
  const present = [...new Set(existing)].sort((a, b) => a - b);
  if (present.length <= count) {
    const free = Array.from({ length: count + present.length }, (_, index) => index).filter(
      (index) => !present.includes(index),
    );
    const keep = [...present, ...free.slice(0, count - present.length)].sort((a, b) => a - b);
    return { keep, remove: [] };
  }
  if (!owners) return { keep: present, remove: [] };
  const idle = present.filter((index) => !owners.has(index)).reverse();
  const remove = idle.slice(0, present.length - count);
  return { keep: present.filter((index) => !remove.includes(index)), remove };
}
