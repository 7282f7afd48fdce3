import { describe, expect, it } from 'vitest';
import { apiOf } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { shardsToServe } from './servedShards.ts';

const resource = whatsAppDeployment({ spec: { topology: 'HighAvailability', multiconnect: { shards: 2 } } });

describe('the shards that must be served before a pod restarts', () => {
  it.each([
    ['those that the stack reports', { shards: 4, lastShards: 4 }, 4],
    ['the declared ones, if the stack has reported none', {}, 2],
    ['the last reported ones, while no Master reports them and fewer are declared', { lastShards: 4 }, 4],
    ['the declared ones, while no Master reports them and more are declared', { lastShards: 1 }, 2],
  ])('are %s', (_, changes, count) => {
    expect(shardsToServe({ resource, api: apiOf([], changes) })).toBe(count);
  });
});
