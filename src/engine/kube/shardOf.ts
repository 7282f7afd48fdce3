import { createHash } from 'node:crypto';

/**
 * The shard of a namespace, from 0 to `shards` - 1; of what has no namespace, that of the empty name. Every version must give the same
 * answer: two replicas that disagree work on one object.
 *
 * The hash is not the one of the API server's `shardRange` (FNV-1a): ranges of that put `shop-1` to `shop-9` into one shard.
 */
export function shardOf(namespace: string | undefined, shards: number): number {
  if (shards === 1) return 0;
  return (
    createHash('sha256')
      .update(namespace ?? '')
      .digest()
      .readUInt32BE() % shards
  );
}
