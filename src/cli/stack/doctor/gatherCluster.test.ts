import { expect, it } from 'vitest';
import { nodeClock } from './gatherCluster.ts';

const lease = (renewTime: string | undefined, times: readonly string[]) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'n1', managedFields: times.map((time) => ({ time })) },
  spec: renewTime === undefined ? {} : { renewTime },
});

it('reads the clock of a node from the Lease that its kubelet renews, and from when the API server got it', () => {
  const ahead = lease('2026-01-01T00:01:00.500000Z', ['2025-12-31T00:00:00Z', '2026-01-01T00:00:50Z']);
  expect(nodeClock(ahead)).toMatchObject({ whose: 'Node n1', aheadMs: 10_000 });
  expect(nodeClock(lease('2026-01-01T00:00:00Z', ['2026-01-01T00:00:00Z']))?.aheadMs).toBe(-500);
  expect(nodeClock(lease(undefined, ['2026-01-01T00:00:00Z']))).toBeUndefined();
  expect(nodeClock(lease('2026-01-01T00:00:00Z', []))).toBeUndefined();
});
