import { expect, it } from 'vitest';
import { shardOf } from './shardOf.ts';

it('spreads namespaces whose names are alike', () => {
  const shards = Array.from({ length: 1_000 }, (_, index) => shardOf(`shop-${index + 1}`, 3));
  for (const shard of [0, 1, 2])
    expect(shards.filter((other) => other === shard).length).toBeGreaterThan(250);
});

it('never changes its mind: replicas of two versions must agree', () => {
  expect(['default', 'shop-1', 'shop-2', undefined].map((namespace) => shardOf(namespace, 8))).toEqual([
    1, 4, 1, 2,
  ]);
});
