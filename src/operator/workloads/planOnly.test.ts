import { describe, expect, it } from 'vitest';
import { release, StackModel } from '../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { RollBudget } from '../../engine/controller/rollBudget.ts';
import type { Source } from '../../engine/controller/sources.ts';
import { ApiError } from '../../engine/kube/apiError.ts';
import { Applier } from '../../engine/kube/applier.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { ObjectCache } from '../../engine/kube/objectCache.ts';
import type { KubeRequest, Transport } from '../../engine/kube/transport.ts';
import { ANNOTATION_PREFIX, CHECK_WEBHOOK, PLAN } from '../plan/facts/names.ts';
import type { WhatsAppDeploymentStatus } from '../resource/status.ts';
import type { JournalStore } from '../state/journalStore.ts';
import type { ReferencedSecrets } from '../state/referencedSecrets.ts';
import type { RivalStacks } from '../state/rivalStacks.ts';
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
      deployment: all,
      namespace: () => ['default'],
      number: () => [''],
    });
    const unused = { onChange: () => {}, isAbsent: () => false, lookAgain: () => {} };
    return { kind: kind === 'stacks' ? WhatsAppDeploymentKind : kinds.Pod, cache, ...unused };
  };
  const [stacks, children, pods, backups] = ['stacks', 'children', 'pods', 'backups'].map(source);
  if (!stacks || !children || !pods || !backups) throw new Error('no sources');
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
  const rollBudget = new RollBudget(
    () => 1,
    () => {},
  );
  const reconciler = new WorkloadsReconciler({
    gateways: { unsubscribe: async () => undefined },
    client,
    clock,
    recorder,
    release,
    podSecurity: 'Restricted',
    operatorNamespace: 'waba-system',
    sources: { stacks, backups, children: [children], pods } as unknown as StackSources,
    journals: {
      read: () => model.journal,
      update: async () => model.journal,
    } as unknown as JournalStore,
    referenced: { read: async () => new Map() } as unknown as ReferencedSecrets,
    rivals: { of: () => [] } as unknown as RivalStacks,
    secretLabels: { restore: async () => {} },
    missing: () => [],
    restores: new Map(),
    observations: new Map(),
    applier: new Applier({
      client,
      fieldManager: 'test',
      annotationPrefix: ANNOTATION_PREFIX,
      recorder,
      clock,
    }),
    rollBudget,
    isBusy: () => false,
    isBackingUp: () => false,
  });
  let version = 0;
  const visit = async (spec: object, annotations: object, generation: number) => {
    const resource = whatsAppDeployment({ spec, metadata: { annotations, generation } });
    const object = resource as unknown as KubeObject;
    stacks.cache.store({ ...object, metadata: { ...object.metadata, resourceVersion: String(++version) } });
    writes.length = 0;
    await reconciler.reconcile(KEY, never, silentLogger);
    const statuses = writes.filter(({ path }) => path.endsWith('/status'));
    const status = (statuses.at(-1)?.body as { status?: WhatsAppDeploymentStatus } | undefined)?.status;
    return { status, others: writes.filter(({ path }) => !path.endsWith('/status')) };
  };
  const visitStored = async (object: KubeObject) => {
    stacks.cache.store(object);
    writes.length = 0;
    await reconciler.reconcile(KEY, never, silentLogger);
    return writes;
  };
  return { visit, visitStored, rollBudget };
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

describe('a stack that has settled', () => {
  it('is planned anew when an annotation of the operator changes, and not for those of other tools', async () => {
    const { visit } = setup();
    const { status } = await visit({}, {}, 1);
    expect(status).toBeDefined();
    const noted = { 'example.org/checked-at': '12:00' };
    expect(await visit({}, noted, 1)).toEqual({ status: undefined, others: [] });
    expect((await visit({}, { ...noted, [CHECK_WEBHOOK]: '1' }, 1)).status).toBeDefined();
  });
});

describe('a stack that changes nothing', () => {
  const CHANGE = { imagePullSecrets: [{ name: 'registry' }] };

  it('takes a place in the roll budget when it rolls, and gives it back when it is paused or hibernates', async () => {
    for (const rest of [{ paused: true }, { hibernated: true }]) {
      const { visit, rollBudget } = setup();
      await visit(CHANGE, {}, 2);
      expect(rollBudget.holds(KEY)).toBe(true);
      await visit({ ...CHANGE, ...rest }, {}, 3);
      expect(rollBudget.holds(KEY)).toBe(false);
    }
  });

  it('takes no place while it is paused or only planned', async () => {
    const { visit, rollBudget } = setup();
    await visit({ ...CHANGE, paused: true }, {}, 2);
    expect(rollBudget.holds(KEY)).toBe(false);
    await visit(CHANGE, ONLY, 3);
    expect(rollBudget.holds(KEY)).toBe(false);
  });
});

describe('a resource that an earlier version accepted', () => {
  it('says in its status what this version refuses, and nothing of its stack changes', async () => {
    const stored = whatsAppDeployment() as unknown as KubeObject;
    const spec = { ...(stored.spec as object), media: { storage: { size: '10GB' } } };
    const writes = await setup().visitStored({ ...stored, spec });
    expect(writes.map(({ path }) => path.split('/').at(-1))).toEqual(['status']);
    const [write] = writes;
    if (!write) throw new Error('no status');
    const { status } = write.body as { status: WhatsAppDeploymentStatus };
    expect(status.phase).toBe('Blocked');
    for (const type of ['Ready'])
      expect(status.conditions?.find((condition) => condition.type === type)).toMatchObject({
        status: 'False',
        reason: 'Unreadable',
        message: expect.stringContaining('spec.media.storage.size: a size must be more than 0'),
      });
  });
});
