import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../test/simulation/virtualClock.ts';
import type { Source } from '../../engine/controller/sources.ts';
import { ApiError } from '../../engine/kube/apiError.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import type { EventText } from '../../engine/kube/eventCorrelator.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { ObjectCache } from '../../engine/kube/objectCache.ts';
import type { KubeRequest, Transport } from '../../engine/kube/transport.ts';
import { CLEANUP_FINALIZER, stackLabels } from '../plan/facts/names.ts';
import { parseWhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { StackSources } from '../state/stackSources.ts';
import { finalize } from './finalize.ts';

const never = new AbortController().signal;
const DELETED_AT = Date.parse('2026-01-01T00:00:00Z');

/** A stack that is being deleted, with one Secret whose deletion the API server refuses. */
const setup = (minutesSince: number, isBusy = false) => {
  const stored: KubeObject = {
    apiVersion: 'waba-operator.dev/v1alpha1',
    kind: 'WhatsAppDeployment',
    metadata: {
      name: 'shop',
      namespace: 'default',
      uid: 'u',
      resourceVersion: '5',
      creationTimestamp: '2025-01-01T00:00:00Z',
      deletionTimestamp: '2026-01-01T00:00:00Z',
      finalizers: [CLEANUP_FINALIZER],
    },
    spec: { phoneNumber: '+16315551000', deletionPolicy: 'Delete' },
  };
  const parsed = parseWhatsAppDeployment(stored);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const cache = new ObjectCache<KubeObject>({ stack: () => ['default/shop'] });
  cache.store({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'shop-keys', namespace: 'default', uid: 's', labels: stackLabels('shop', 'secrets') },
  });
  const asked: KubeRequest[] = [];
  const transport: Transport = {
    request: async (request) => {
      asked.push(request);
      if (request.method === 'DELETE') throw new ApiError(403, { reason: 'Forbidden' }, 'DELETE secrets');
      return {};
    },
    text: async () => '',
    stream: async function* () {},
    close: () => {},
  };
  const events: EventText[] = [];
  const source = { kind: kinds.Secret, cache, onChange: () => {} } satisfies Source<KubeObject>;
  const run = () =>
    finalize(
      parsed.resource,
      stored,
      {
        client: new KubeClient(transport),
        sources: { children: [source] } as unknown as StackSources,
        recorder: { record: (_: KubeObject, event: EventText) => void events.push(event) } as EventRecorder,
        clock: new VirtualClock(DELETED_AT + minutesSince * 60_000),
        isBusy: () => isBusy,
      },
      never,
    );
  const deleted = () => asked.some(({ method }) => method === 'DELETE');
  const released = () => asked.some(({ method }) => method === 'PATCH');
  return { run, deleted, released, events };
};

describe('the finalizer of deletionPolicy Delete', () => {
  it('retries a refused deletion before its deadline', async () => {
    const { run, released } = setup(9);
    await expect(run()).rejects.toMatchObject({ code: 'Forbidden' });
    expect(released()).toBe(false);
  });

  it('waits while the application controller may still write the objects that it deletes', async () => {
    const { run, deleted, released } = setup(9, true);
    expect((await run()).requeueAfterMs).toBeGreaterThan(0);
    expect([deleted(), released()]).toEqual([false, false]);
  });

  it('releases the resource after its deadline, and names the objects that are left', async () => {
    const { run, released, events } = setup(11);
    await run();
    expect(released()).toBe(true);
    expect(events).toMatchObject([{ reason: 'CleanupIncomplete' }]);
    expect(events[0]?.message).toContain('Secret shop-keys');
  });
});
