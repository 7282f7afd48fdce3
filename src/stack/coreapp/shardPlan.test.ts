import { describe, expect, it } from 'vitest';
import type { NodeRecord } from '../store/clusterStore.ts';
import { planShards } from './shardPlan.ts';

const node = (id: string, silentSeconds = 1, master = false): NodeRecord => ({
  id,
  hostname: id,
  container: id,
  ports: [],
  master,
  version: 'v1',
  silentSeconds,
  upSeconds: 1000 - id.charCodeAt(0),
});
const shard = (number: number, owner?: string) => ({ shard: number, owner, epoch: 7 });
const owners = (assignments: ReturnType<typeof planShards>) =>
  assignments.map(({ shard: { shard: number }, owner }) => [number, owner]);

describe('the shard plan', () => {
  it('leaves a shard with its healthy owner', () => {
    expect(planShards([node('a'), node('b')], [shard(0, 'a')], 30)).toEqual([]);
  });

  it('gives a shard without owner to a healthy Coreapp, never to a Master', () => {
    expect(owners(planShards([node('m', 1, true), node('b')], [shard(0)], 30))).toEqual([[0, 'b']]);
  });

  it('replaces an owner that is silent for too long, or gone', () => {
    expect(owners(planShards([node('a', 30), node('b')], [shard(0, 'a')], 30))).toEqual([[0, 'b']]);
    expect(owners(planShards([node('b')], [shard(0, 'a')], 30))).toEqual([[0, 'b']]);
  });

  it('gives no Coreapp two shards', () => {
    expect(
      owners(planShards([node('a'), node('b'), node('c')], [shard(0, 'a'), shard(1), shard(2)], 30)),
    ).toEqual([
      [1, 'b'],
      [2, 'c'],
    ]);
    expect(owners(planShards([node('a')], [shard(0, 'a'), shard(1)], 30))).toEqual([]);
  });
});
