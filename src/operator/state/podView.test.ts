import { describe, expect, it } from 'vitest';
import type { PodObject } from './podObject.ts';
import { podView } from './podView.ts';

const START = '2026-03-01T12:00:00Z';
const LATER = '2026-03-01T12:00:30Z';

type Container = NonNullable<NonNullable<PodObject['status']>['containerStatuses']>[number];

const pod = (ready: 'True' | 'False', since: string, container?: Partial<Container>): PodObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'shop-coreapp-0-0' },
  status: {
    conditions: [{ type: 'Ready', status: ready, lastTransitionTime: since }],
    ...(container ? { containerStatuses: [{ name: 'coreapp', ...container }] } : {}),
  },
});
const running = { started: true, restartCount: 0, state: { running: { startedAt: START } } };

describe('a pod as the plan sees it', () => {
  it('is stuck while it was never ready', () => {
    expect(podView(pod('False', START)).stuck).toBe(true);
    expect(podView(pod('False', START, { ...running, started: false })).stuck).toBe(true);
    expect(podView(pod('False', START, running)).stuck).toBe(true);
  });

  it('is stuck while its container cannot run, whatever it was before', () => {
    const waiting = { state: { waiting: { reason: 'CrashLoopBackOff' } }, restartCount: 4 };
    expect(podView(pod('False', LATER, waiting))).toMatchObject({
      stuck: true,
      problem: { reason: 'CrashLoopBackOff', sinceMs: Date.parse(LATER) },
    });
  });

  it('is not stuck when it is ready, was ready, or restarts its container', () => {
    expect(podView(pod('True', LATER, running)).stuck).toBe(false);
    expect(podView(pod('False', LATER, running)).stuck).toBe(false);
    expect(podView(pod('False', LATER, { ...running, restartCount: 1, started: false })).stuck).toBe(false);
  });

  it('has TLS if its template said so', () => {
    const plain = pod('True', LATER, running);
    const metadata = { ...plain.metadata, annotations: { 'waba-operator.dev/database-tls': 'true' } };
    expect([plain, { ...plain, metadata }].map((one) => podView(one).databaseTls)).toEqual([false, true]);
  });

  it('has no problem while its container is being created', () => {
    const waiting = { state: { waiting: { reason: 'ContainerCreating' } } };
    expect(podView(pod('False', START, waiting)).problem).toBeUndefined();
  });
});
