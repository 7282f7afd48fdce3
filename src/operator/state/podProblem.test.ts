import { describe, expect, it } from 'vitest';
import type { ContainerStatus, PodObject } from './podObject.ts';
import { podProblem } from './podProblem.ts';

const SINCE = '2026-03-01T12:00:00Z';

const pod = (status: NonNullable<PodObject['status']>): PodObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'shop-webapp-1', creationTimestamp: SINCE },
  status,
});
const container = (status: Partial<ContainerStatus>) =>
  podProblem(pod({ containerStatuses: [{ name: 'webapp', ...status }] }))?.problem;
const ended = (reason: string, exitCode: number, message?: string) => ({
  terminated: { reason, exitCode, ...(message ? { message } : {}) },
});

describe('the problem of a pod', () => {
  it('is the answer of the scheduler while no node takes the pod', () => {
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: '0/1 nodes are available: 1 Insufficient memory.',
      lastTransitionTime: SINCE,
    };
    expect(podProblem(pod({ conditions: [condition] }))?.problem).toEqual({
      reason: 'Unschedulable',
      text: 'no node takes it: 0/1 nodes are available: 1 Insufficient memory.',
      sinceMs: Date.parse(SINCE),
    });
  });

  it.each([
    ['ErrImagePull', 'ImagePullFailed'],
    ['ImagePullBackOff', 'ImagePullFailed'],
    ['InvalidImageName', 'ImagePullFailed'],
    ['CreateContainerConfigError', 'CreateContainerConfigError'],
    ['RunContainerError', 'CreateContainerError'],
  ])('is what the kubelet says about a container: %s', (reason, told) => {
    const found = container({ state: { waiting: { reason, message: 'no such thing' } } });
    expect(found).toMatchObject({ reason: told, text: `container webapp: ${reason}: no such thing` });
  });

  it('is a crash loop, with exit code and termination message, also while the container runs again', () => {
    const crash = { restartCount: 4, lastState: ended('Error', 2, 'no licence\n') };
    const text = 'container webapp ended with exit code 2 (4 restarts): no licence';
    const waiting = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } };
    expect(container({ ...crash, state: waiting })).toMatchObject({ reason: 'CrashLoopBackOff', text });
    const running = { running: { startedAt: SINCE } };
    expect(container({ ...crash, state: running })).toMatchObject({ reason: 'CrashLoopBackOff', text });
    expect(container({ ...crash, restartCount: 1, state: running })).toBeUndefined();
  });

  it('is memory rather than a crash loop if the kernel killed the container', () => {
    const waiting = { waiting: { reason: 'CrashLoopBackOff' } };
    const found = container({ restartCount: 1, state: waiting, lastState: ended('OOMKilled', 137) });
    expect(found).toMatchObject({
      reason: 'OOMKilled',
      text: 'container webapp used more memory than its limit and was killed (1 restart)',
    });
  });

  it('is the eviction of a pod that is left as an object', () => {
    const status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
    expect(podProblem(pod(status))?.problem.text).toBe('Evicted: The node was low on resource: memory.');
  });

  it('is that of an init container, which comes before the others', () => {
    const waiting = (reason: string) => ({ state: { waiting: { reason } } });
    const status = {
      initContainerStatuses: [{ name: 'first', ...waiting('ErrImagePull') }],
      containerStatuses: [{ name: 'webapp', ...waiting('PodInitializing') }],
    };
    expect(podProblem(pod(status))).toMatchObject({ container: { name: 'first' } });
  });

  it('is none while the pod starts, is ready, or is going', () => {
    expect(container({ state: { waiting: { reason: 'ContainerCreating' } } })).toBeUndefined();
    const stale = { state: { waiting: { reason: 'CrashLoopBackOff' } } };
    const ready = [{ type: 'Ready', status: 'True' }];
    expect(
      podProblem(pod({ conditions: ready, containerStatuses: [{ name: 'webapp', ...stale }] })),
    ).toBeUndefined();
    const going = pod({ containerStatuses: [{ name: 'webapp', ...stale }] });
    expect(
      podProblem({ ...going, metadata: { ...going.metadata, deletionTimestamp: SINCE } }),
    ).toBeUndefined();
  });
});
