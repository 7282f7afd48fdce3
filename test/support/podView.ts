import type { PodView } from '../../src/operator/plan/facts/observed.ts';

/** A pod of a stack as the plan sees it. */
export const podView = (changes: Partial<PodView> & Pick<PodView, 'name' | 'component'>): PodView => ({
  uid: `uid-of-${changes.name}`,
  resourceVersion: '1',
  revision: undefined,
  version: undefined,
  topology: undefined,
  ready: true,
  stuck: false,
  terminating: false,
  ip: '10.0.0.1',
  restarts: '0',
  databaseTls: false,
  problem: undefined,
  container: undefined,
  runningSinceMs: undefined,
  createdMs: 0,
  ...changes,
});
