import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../test/simulation/virtualClock.ts';
import { APPLIED_HASH, release, StackModel } from '../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { silentLogger } from '../../base/logger.ts';
import { RollBudget } from '../../engine/controller/rollBudget.ts';
import type { Source } from '../../engine/controller/sources.ts';
import { ApiError } from '../../engine/kube/apiError.ts';
import { Applier } from '../../engine/kube/applier.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { ObjectCache } from '../../engine/kube/objectCache.ts';
import type { KubeRequest, Transport } from '../../engine/kube/transport.ts';
import { PLAN } from '../plan/facts/names.ts';
import type { WhatsAppDeploymentStatus } from '../resource/status.ts';
import type { JournalStore } from '../state/journalStore.ts';
import type { ReferencedSecrets } from '../state/referencedSecrets.ts';
import { type StackSources, WhatsAppDeploymentKind } from '../state/stackSources.ts';
import { WorkloadsReconciler } from './workloadsReconciler.ts';

const never = new AbortController().signal;
const KEY = 'default/shop';

/** The reconciler over the cluster of a stack that has settled. Writes are noted and answered, and do nothing. */
function setup() {
  const model = new StackModel(whatsAppDeployment());
  model.settle();
  const source = (kind: string): Source<KubeObject> => {
    const all = () => [KEY];
    const cache = new ObjectCache<KubeObject>({
      stack: all,
      namespace: () => ['default'],
      number: () => [''],
    });
    return { kind: kind === 'stacks' ? WhatsAppDeploymentKind : kinds.Pod, cache, onChange: () => {} };
  };
  const [stacks, children, pods] = [source('stacks'), source('children'), source('pods')];
  for (const object of model.children.values())
    children.cache.store({ ...object, metadata: { ...object.metadata, namespace: 'default' } });
  const writes: KubeRequest[] = [];
  const transport: Transport = {
    request: async (request) => {
      if (request.method === 'GET') throw new ApiError(404, { reason: 'NotFound' }, request.path);
      writes.push(request);
      return request.body ?? {};
    },
    text: async () => '',
    stream: async function* () {},
    close: () => {},
  };
  const client = new KubeClient(transport);
  const clock = new VirtualClock(Date.parse('2026-03-01T12:00:00Z'));
  const recorder = { record: () => {} } as unknown as EventRecorder;
  const reconciler = new WorkloadsReconciler({
    client,
    clock,
    recorder,
    release,
    sources: { stacks, children: [children], pods } as unknown as StackSources,
    journals: {
      read: () => model.journal,
      update: async () => model.journal,
    } as unknown as JournalStore,
    referenced: { read: async () => new Map() } as unknown as ReferencedSecrets,
    missing: () => [],
    observations: new Map(),
    applier: new Applier({
      client,
      fieldManager: 'test',
      annotationPrefix: APPLIED_HASH.split('/')[0] ?? '',
      recorder,
      clock,
    }),
    rollBudget: new RollBudget(1, () => {}),
    isBusy: () => false,
  });
  const visit = async (spec: object, annotations: object, generation: number) => {
    const resource = whatsAppDeployment({ spec, metadata: { annotations, generation } });
    stacks.cache.store({ ...(resource as unknown as KubeObject) });
    writes.length = 0;
    await reconciler.reconcile(KEY, never, silentLogger);
    const statuses = writes.filter(({ path }) => path.endsWith('/status'));
    const status = (statuses.at(-1)?.body as { status?: WhatsAppDeploymentStatus } | undefined)?.status;
    return { status, others: writes.filter(({ path }) => !path.endsWith('/status')) };
  };
  return { visit };
}

const CHANGED = { imagePullSecrets: [{ name: 'registry' }], deletionPolicy: 'Delete' };
const ONLY = { [PLAN]: 'only' };

describe('the annotation plan: only', () => {
  it('writes the forecast to status.plan, and changes nothing', async () => {
    const { visit } = setup();
    const { status, others } = await visit(CHANGED, ONLY, 2);
    expect(others).toEqual([]);
    expect(status?.plan).toContainEqual({
      target: 'Pod/shop-coreapp-0-0',
      action: 'Restart',
      reason: 'spec.imagePullSecrets changed',
    });
    expect(status?.phase).toBe('PlanOnly');
    expect(status?.rollout).toBeUndefined();
    const reasons = Object.fromEntries((status?.conditions ?? []).map(({ type, reason }) => [type, reason]));
    expect(reasons).toMatchObject({ Ready: 'PlanOnly', Progressing: 'PlanOnly' });
  });

  it('is noticed when it comes and when it goes, although the generation stays', async () => {
    const { visit } = setup();
    expect((await visit({}, {}, 1)).status?.plan).toEqual([]);
    expect((await visit({}, ONLY, 1)).status?.phase).toBe('PlanOnly');
    expect((await visit({}, {}, 1)).status?.phase).not.toBe('PlanOnly');
    await visit(CHANGED, ONLY, 2);
    expect((await visit(CHANGED, {}, 2)).others.map(({ path }) => path)).toContainEqual(
      expect.stringContaining('/poddisruptionbudgets/shop-webapp'),
    );
  });
});
