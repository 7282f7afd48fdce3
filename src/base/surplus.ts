/**
 * The oldest keys of what holds more than `most`, and a tenth more: for their removal. To remove one for each that comes would
 * make the search for the oldest long, because a Map or Set keeps the places of removed keys until it grows.
 */
export function surplus<K>(held: ReadonlyMap<K, unknown> | ReadonlySet<K>, most: number): K[] {
  if (held.size <= most * 1.1) return [];
  const oldest: K[] = [];
  for (const key of held.keys()) {
    if (held.size - oldest.length <= most) break;
    oldest.push(key);
  }
  return oldest;
}
