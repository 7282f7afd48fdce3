import { describe, expect, it } from 'vitest';
import { apiOf, StackModel } from '../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { ApiError } from '../../engine/kube/apiError.ts';
import type { Applier } from '../../engine/kube/applier.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { ObjectCache } from '../../engine/kube/objectCache.ts';
import type { Transport } from '../../engine/kube/transport.ts';
import type { WorkloadPlan } from '../plan/decide/workloads.ts';
import { EMPTY_JOURNAL } from '../plan/facts/journal.ts';
import { APPROVED_GENERATION, NETWORK } from '../plan/facts/names.ts';
import type { ApiObservation } from '../plan/facts/observed.ts';
import type { StackSources } from '../state/stackSources.ts';
import { WorkloadActions } from './workloadActions.ts';

const never = new AbortController().signal;
const resource = whatsAppDeployment();

/** Carries out a plan that generates one Secret, which the server has already. */
async function generating(name: string) {
  const transport: Transport = {
    request: async ({ path }) => {
      throw new ApiError(409, { reason: 'AlreadyExists' }, path);
    },
    text: async () => '',
    stream: async function* () {},
    close: () => {},
  };
  const sources = { children: [], secrets: { cache: new ObjectCache<KubeObject>({}) } };
  const actions = new WorkloadActions({
    client: new KubeClient(transport),
    applier: {} as Applier,
    journals: { read: () => undefined, update: async () => EMPTY_JOURNAL, refresh: async () => {} },
    sources: sources as unknown as StackSources,
    recorder: { record: () => {} } as unknown as EventRecorder,
    clock: new VirtualClock(0),
    observations: new Map(),
  });
  const plan = { generate: [name], mend: [], steps: [], rollout: undefined } as unknown as WorkloadPlan;
  const observed = new StackModel(resource).observed();
  return actions.carryOut(plan, observed, resource as unknown as KubeObject, never);
}

describe('a Secret to generate that somebody else made in the meantime', () => {
  it('is taken if stacks share it, because another stack or the user made it', async () => {
    expect([...(await generating(NETWORK.controlSecret)).problems]).toEqual([]);
  });

  it('is a problem if it is the own Secret of the stack', async () => {
    const [[condition, error] = []] = (await generating('shop-keys')).problems;
    expect(condition).toBe('DatabaseReady');
    expect(String(error)).toContain('Secret shop-keys exists and is not part of WhatsAppDeployment shop');
  });
});

describe('a kind that the cluster lacked', () => {
  it('is looked for at once when the server has taken an object of it', async () => {
    const looked: string[] = [];
    const route = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'shop' },
    };
    const source = {
      kind: { kind: 'HTTPRoute' },
      cache: new ObjectCache<KubeObject>({}),
      lookAgain: (namespace: string) => void looked.push(namespace),
    };
    let isServed = false;
    const ensure = async () => {
      if (!isServed) throw new ApiError(404, { reason: 'NotFound' }, 'PATCH /httproutes/shop');
      return { outcome: 'written', object: route };
    };
    const actions = new WorkloadActions({
      client: {} as KubeClient,
      applier: { ensure } as unknown as Applier,
      journals: { read: () => EMPTY_JOURNAL, update: async () => EMPTY_JOURNAL, refresh: async () => {} },
      sources: {
        children: [source],
        pods: { cache: new ObjectCache<KubeObject>({}) },
      } as unknown as StackSources,
      recorder: { record: () => {} } as unknown as EventRecorder,
      clock: new VirtualClock(0),
      observations: new Map(),
    });
    const changes = { remove: [], handOver: [], scale: [], restart: [], rolls: new Map() };
    const step = { ...changes, apply: [{ object: route }], verdict: { type: 'Exposed' } };
    const plan = { generate: [], mend: [], steps: [step], rollout: undefined } as unknown as WorkloadPlan;
    const observed = { ...new StackModel(resource).observed(), journal: EMPTY_JOURNAL };
    const act = () => actions.carryOut(plan, observed, resource as unknown as KubeObject, never);
    expect([...(await act()).problems].map(([, error]) => (error as { code?: string }).code)).toEqual([
      'KindMissing',
    ]);
    expect(looked).toEqual([]);
    isServed = true;
    expect([...(await act()).problems]).toEqual([]);
    expect(looked).toEqual(['default']);
  });
});

/** Stacks as the watch has them. */
function cached(...stacks: (typeof resource)[]) {
  const cache = new ObjectCache<KubeObject>({});
  for (const stack of stacks) cache.observeWrite(stack as unknown as KubeObject);
  return { cache };
}

/**
 * Carries out a restart that was planned by one look at the API, after `last`, and a change of Webapps and a removal with it.
 * @returns the deletions and changes that it sent
 */
async function restarting(
  planned: ApiObservation,
  last: ApiObservation | undefined,
  nowMs: number,
  stacks = cached(resource),
) {
  const sent: string[] = [];
  const transport: Transport = {
    request: async ({ method, path }) => {
      sent.push(`${method} ${path}`);
      return { kind: 'Status' };
    },
    text: async () => '',
    stream: async function* () {},
    close: () => {},
  };
  const clock = new VirtualClock(nowMs);
  const actions = new WorkloadActions({
    client: new KubeClient(transport),
    applier: {
      ensure: async ({ desired }: { readonly desired: KubeObject }) => {
        sent.push(`APPLY ${desired.metadata.name}`);
        return { outcome: 'unchanged', object: desired };
      },
    } as unknown as Applier,
    journals: { read: () => EMPTY_JOURNAL, update: async () => EMPTY_JOURNAL, refresh: async () => {} },
    sources: {
      children: [],
      pods: { cache: new ObjectCache<KubeObject>({}) },
      stacks,
    } as unknown as StackSources,
    recorder: { record: () => {} } as unknown as EventRecorder,
    clock,
    observations: new Map(last ? [['default/shop', last]] : []),
  });
  const pod = { name: 'shop-coreapp-0-0', uid: 'u', resourceVersion: '7', ready: true };
  const object = (kind: string, name: string, replicas = 1) => ({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace: 'default', uid: 's' },
    spec: { replicas },
  });
  const running = object('StatefulSet', 'shop-master-1');
  const step = {
    remove: [object('StatefulSet', 'shop-coreapp-9')],
    apply: [
      { object: object('Deployment', 'shop-webapp') },
      { object: object('StatefulSet', 'shop-master-0') },
      { object: object('StatefulSet', 'shop-master-1', 0) },
    ],
    rolls: new Map([['Deployment/shop-webapp', 'because']]),
    handOver: [],
    scale: [
      { live: object('Deployment', 'shop-more'), replicas: 2 },
      { live: object('StatefulSet', 'shop-stop'), replicas: 0 },
    ],
    restart: [{ key: 'StatefulSet/shop-coreapp-0', pod, reason: 'because' }],
    verdict: { type: 'WorkloadsReady' },
  };
  const plan = { generate: [], mend: [], steps: [step], rollout: undefined } as unknown as WorkloadPlan;
  const children = new Map([['StatefulSet/shop-master-1', running as KubeObject]]);
  const observed = { ...new StackModel(resource).observed(), children, journal: EMPTY_JOURNAL, api: planned };
  const { problems } = await actions.carryOut(plan, observed, resource as unknown as KubeObject, never);
  expect([...problems]).toEqual([]);
  return sent.filter((request) => /^(DELETE|APPLY|PATCH)/.test(request));
}

describe('a restart of a ready pod', () => {
  const api = apiOf([], { atMs: 1_000 });
  const MORE = 'PATCH /apis/apps/v1/namespaces/default/deployments/shop-more';
  const OTHERS = [
    'DELETE /apis/apps/v1/namespaces/default/statefulsets/shop-coreapp-9',
    'APPLY shop-webapp',
    'APPLY shop-master-0',
    'APPLY shop-master-1',
    MORE,
    'PATCH /apis/apps/v1/namespaces/default/statefulsets/shop-stop',
  ];
  const RESTART = 'DELETE /api/v1/namespaces/default/pods/shop-coreapp-0-0';

  it('is carried out by the look at the API that it was planned by', async () => {
    expect(await restarting(api, api, 2_000)).toEqual([...OTHERS, RESTART]);
  });

  it('is left to the next pass when the API was asked again since, does not answer any more, or was asked long ago', async () => {
    expect(await restarting(api, { ...api, isSuperseded: true }, 2_000)).toEqual(OTHERS);
    expect(await restarting(api, undefined, 2_000)).toEqual(OTHERS);
    expect(await restarting(api, api, 60_000)).toEqual(OTHERS);
  });

  it('and whatever else interrupts traffic is left to the next pass when the user has changed the resource, or took an approval back', async () => {
    const { metadata } = resource;
    const changes = [
      { generation: metadata.generation + 1 },
      { annotations: { [APPROVED_GENERATION]: '1' } },
    ];
    for (const change of changes) {
      const stacks = cached({ ...resource, metadata: { ...metadata, ...change } });
      expect(await restarting(api, api, 2_000, stacks), JSON.stringify(change)).toEqual([
        'APPLY shop-master-0',
        MORE,
      ]);
    }
    expect(await restarting(api, api, 2_000, cached())).toEqual(['APPLY shop-master-0', MORE]);
  });
});

describe('a Deployment that is left to an autoscaler', () => {
  it('is not applied without its number while that could not be handed over', async () => {
    const sent: string[] = [];
    const transport: Transport = {
      request: async ({ method, path, query }) => {
        sent.push(`${method} ${path} by ${query?.fieldManager}`);
        throw new ApiError(409, { reason: 'Conflict' }, path);
      },
      text: async () => '',
      stream: async function* () {},
      close: () => {},
    };
    const applied: string[] = [];
    const applier = {
      ensure: async ({ desired }: { readonly desired: KubeObject }) => {
        applied.push(desired.metadata.name);
        return { outcome: 'unchanged', object: desired };
      },
    };
    const actions = new WorkloadActions({
      client: new KubeClient(transport),
      applier: applier as unknown as Applier,
      journals: { read: () => EMPTY_JOURNAL, update: async () => EMPTY_JOURNAL, refresh: async () => {} },
      sources: { children: [] } as unknown as StackSources,
      recorder: { record: () => {} } as unknown as EventRecorder,
      clock: new VirtualClock(0),
      observations: new Map(),
    });
    const deployment = (name: string): KubeObject => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: 'default', resourceVersion: '7' },
      spec: { replicas: 5 },
    });
    const step = {
      remove: [],
      handOver: [deployment('shop-webapp')],
      apply: ['shop-webapp', 'other'].map((name) => ({ object: deployment(name) })),
      scale: [],
      restart: [],
      rolls: new Map(),
      verdict: { type: 'WorkloadsReady' },
    };
    const plan = { generate: [], mend: [], steps: [step], rollout: undefined } as unknown as WorkloadPlan;
    const observed = { ...new StackModel(resource).observed(), journal: EMPTY_JOURNAL };
    const { race } = await actions.carryOut(plan, observed, resource as unknown as KubeObject, never);
    expect(sent).toEqual([
      'PATCH /apis/apps/v1/namespaces/default/deployments/shop-webapp by waba-operator-handover',
    ]);
    expect(applied).toEqual(['other']);
    expect(race).toBeInstanceOf(ApiError);
  });
});
