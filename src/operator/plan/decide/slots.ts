/** Which slots of a role to keep or create, and which to remove. */
export interface SlotPlan {
  /** Indexes, ascending. */
  readonly keep: readonly number[];
  readonly remove: readonly number[];
}

/**
 * Removes slots only while the owners are known, because removing an owner causes a failover. Fills slots from the lowest
 * free index, so that names stay short.
 */
export function planSlots(
  existing: readonly number[],
  count: number,
  /** Indexes that own a shard; undefined while unknown. */
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
