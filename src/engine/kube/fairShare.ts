/**
 * How many shards a replica should hold. Shares differ by at most one, and their sum is the number of shards. Whoever holds more gets the
 * larger shares, so that as few shards as possible change hands.
 *
 * @param holders who holds each shard, as far as known
 * @param live the replicas among which the shards are divided
 */
export function fairShare(
  replica: string,
  holders: readonly (string | undefined)[],
  live: readonly string[],
): number {
  const held = (one: string) => holders.filter((holder) => holder === one).length;
  const ranked = [...live].sort((a, b) => held(b) - held(a) || (a < b ? -1 : 1));
  const rank = ranked.indexOf(replica);
  if (rank < 0) return 0;
  const larger = rank < holders.length % ranked.length ? 1 : 0;
  return Math.floor(holders.length / ranked.length) + larger;
}
