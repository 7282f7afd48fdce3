import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import {
  registeredStack,
  type SpecModel,
  STACK,
  StackKind,
  serveStacks,
} from '../../test/support/rollSimulationSpec.ts';
import { serveSimulation } from '../../test/support/servedSimulation.ts';
import { type Clock, sleep, systemClock } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import { silentLogger } from '../base/logger.ts';
import { StackUnreachable } from '../client/stackError.ts';
import type { StackTransport } from '../client/stackTransport.ts';
import { runManager } from '../engine/controller/manager.ts';
import { ControllerMetrics } from '../engine/controller/metrics.ts';
import { Sources } from '../engine/controller/sources.ts';
import { KubeClient } from '../engine/kube/client.ts';
import { EventRecorder } from '../engine/kube/eventRecorder.ts';
import { type KubeObject, kinds, resourcePath } from '../engine/kube/kubeObject.ts';
import { LEASE, type LeaseObject } from '../engine/kube/leaderElection.ts';
import { shardOf } from '../engine/kube/shardOf.ts';
import { SimulatedApiServer } from '../engine/simulation/simulatedApiServer.ts';
import { SimulatedTransport } from '../engine/simulation/simulatedTransport.ts';
import { serveWorkloads } from '../engine/simulation/workloadKinds.ts';
import { connect } from './connection.ts';
import { controllers, type Parts, runOperator } from './operator.ts';
import { NAMESPACE_LEASE, stackLabels } from './plan/facts/names.ts';
import { watchStacks } from './state/stackSources.ts';

const never = new AbortController().signal;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const MODEL: SpecModel = {
  isCluster: true,
  shards: 1,
  standbys: 0,
  masters: 1,
  webapps: 1,
  images: {},
  marks: {},
  cpus: {},
  isManual: false,
  bad: [],
};
/** Ends the term of a leader. The claim of the namespace, a fence of its own, lasts longer. */
const SUSPENDED_MS = 3 * LEASE.renewDeadlineMs;
const PATIENCE_MS = 20_000;
const INSTALLATION = { namespace: 'default', name: 'waba-operator' };
const common = { random: Math.random, logger: silentLogger };
const settings = {
  ...common,
  version: 'test',
  release: { stack: 'waba-stack:test', database: 'postgres' },
  namespaces: ['default'],
  installation: INSTALLATION,
  replica: 'first',
  read: async () => [],
};

/** A cluster with a stack that registered a while ago and has no pods. */
async function cluster() {
  serveWorkloads();
  serveStacks();
  const server = new SimulatedApiServer({ clock: systemClock });
  const client = new KubeClient(new SimulatedTransport({ server, clock: systemClock }));
  for (const object of registeredStack(MODEL, new Date()))
    await client.create(object, { fieldManager: 'test' }, never);
  return { server, client };
}

/** A Webapp that is ready, so that the operator calls its API. */
async function runWebapp(client: KubeClient): Promise<void> {
  const name = `${STACK}-webapp-1`;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: stackLabels(STACK, 'webapp') },
    spec: { containers: [{ name: 'webapp', image: 'webapp' }] },
  };
  await client.create(pod, { fieldManager: 'test' }, never);
  const status = { podIP: '127.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] };
  await client.transport.request(
    {
      method: 'PATCH',
      path: resourcePath(kinds.Pod, 'default', name, 'status'),
      contentType: 'application/merge-patch+json',
      body: { status },
    },
    never,
  );
}

/** Makes the operator want to write: it carries the annotation to the Service. */
const annotate = (client: KubeClient, value: string) =>
  client.mergePatch(
    StackKind,
    { namespace: 'default', name: STACK },
    { spec: { service: { annotations: { value } } } },
    never,
  );

describe('an operator with several replicas', () => {
  it('writes as the leader, and nothing more once its Lease may have expired', async () => {
    const { server, client } = await cluster();
    let isSuspended = false;
    const lease = '/apis/coordination.k8s.io/v1/namespaces/default/leases/waba-operator';
    const served = await serveSimulation(server, ({ path }) => !(isSuspended && path === lease));
    closing.push(served.close);
    const clock: Clock = {
      ...systemClock,
      // The monotonic clock may stand still while a process is suspended; the wall clock goes on.
      now: () => systemClock.now() + (isSuspended ? SUSPENDED_MS : 0),
    };
    const stop = new AbortController();
    const health = { host: '127.0.0.1', port: 0 };
    const running = runOperator({ ...settings, credentials: served.credentials, clock, health }, stop.signal);
    closing.push(() => {
      stop.abort();
      return running;
    });

    const annotation = async () =>
      (await client.get<KubeObject>(kinds.Service, 'default', `${STACK}-webapp`, never)).metadata.annotations
        ?.value;
    await annotate(client, 'of the leader');
    await eventually(
      async () => (await annotation().catch(() => undefined)) === 'of the leader',
      PATIENCE_MS,
    );
    const written = () => served.writes.filter(({ path }) => path !== lease);
    expect(written().length).toBeGreaterThan(5);

    // Requests on their way have passed the fence already.
    await eventually(async () => {
      const count = written().length;
      await sleep(systemClock, 400, never);
      return written().length === count;
    }, PATIENCE_MS);
    isSuspended = true;
    const before = written().length;
    await annotate(client, 'of a former leader');
    await sleep(systemClock, 2_500, never);
    expect(written().slice(before)).toEqual([]);
    expect(await annotation()).toBe('of the leader');
  }, 60_000);

  it('shares the namespaces, and leaves a stack to another replica without a pause of its claim', async () => {
    const { server, client } = await cluster();
    const served = await serveSimulation(server, () => true);
    closing.push(served.close);
    const replica = (name: string) => {
      const stop = new AbortController();
      const health = { host: '127.0.0.1', port: 0 };
      const running = runOperator(
        {
          ...settings,
          credentials: served.credentials,
          clock: systemClock,
          health,
          replica: name,
          shards: 2,
        },
        stop.signal,
      );
      const end = async () => {
        stop.abort();
        await running;
      };
      closing.push(end);
      return end;
    };
    const holders = async () =>
      Promise.all(
        [0, 1].map(async (shard) => {
          const lease = await client
            .get<LeaseObject>(kinds.Lease, 'default', `waba-operator-shard-${shard}`, never)
            .catch(() => undefined);
          return lease?.spec?.holderIdentity;
        }),
      );
    const carries = (value: string) =>
      eventually(async () => {
        await annotate(client, value);
        const service = await client
          .get<KubeObject>(kinds.Service, 'default', `${STACK}-webapp`, never)
          .catch(() => undefined);
        return service?.metadata.annotations?.value === value;
      }, PATIENCE_MS);

    const ends = { first: replica('first'), second: replica('second') };
    await eventually(async () => new Set(await holders()).size === 2, PATIENCE_MS);
    await carries('of one');
    const holder = (await holders())[shardOf('default', 2)] === 'first' ? 'first' : 'second';
    await ends[holder]();
    await carries('of the other');
    const claim = await client.get<LeaseObject>(kinds.Lease, 'default', NAMESPACE_LEASE, never);
    expect(claim.spec).toMatchObject({ holderIdentity: 'default/waba-operator', leaseTransitions: 0 });
    await eventually(async () => (await holders()).every((name) => name !== holder && name), PATIENCE_MS);
  }, 90_000);

  it.each([true, false])(
    'changes stacks through their API only as the leader: %s',
    async (isLeader) => {
      const { server, client: admin } = await cluster();
      await runWebapp(admin);
      const served = await serveSimulation(server, () => true);
      closing.push(served.close);
      const registry = new Registry();
      const metrics = new ControllerMetrics(registry);
      const timed = { ...common, clock: systemClock };
      const { credentials } = served;
      // This connection has no fence of its own: only that of the stacks is at work.
      const { client } = connect({ ...settings, ...timed, credentials, metrics, replica: undefined });
      const sources = new Sources({ client, namespaces: ['default'], ...timed });
      const [tried, sent] = [new Set<string>(), new Set<string>()];
      const parts: Parts = {
        ...settings,
        clock: systemClock,
        client,
        shards: undefined,
        fence: (method) => {
          if (method !== 'GET' && !isLeader) throw new CodedError('NotLeader', 'the lease is lost');
        },
        registry,
        metrics,
        sources,
        stackSources: watchStacks(sources),
        recorder: new EventRecorder({ client, component: 'waba-operator', ...timed }),
        connectStack: ({ fence }) => {
          const call: StackTransport['request'] = async (request) => {
            const what = `${request.method} ${request.path}`;
            tried.add(what);
            fence?.(request);
            sent.add(what);
            if (request.method === 'GET') return { status: 200, body: '{"health":{},"support":{}}' };
            throw new StackUnreachable(what, new Error('no stack here'));
          };
          return {
            request: call,
            stream: async () => Promise.reject(new Error('no streams')),
            close: () => {},
          };
        },
      };
      const stop = new AbortController();
      const { workloads, application, reports } = controllers(parts, stop.signal);
      const health = { host: '127.0.0.1', port: 0 };
      const running = runManager(
        {
          ...timed,
          sources,
          controllers: [workloads, application],
          registry,
          metrics,
          health,
          shutdownGraceMs: 1_000,
        },
        stop.signal,
      );
      closing.push(() => {
        stop.abort();
        reports.close();
        return running;
      });
      const login = 'POST /v1/users/login';
      await eventually(() => tried.has(login), PATIENCE_MS);
      expect([...sent].filter((what) => !what.startsWith('GET'))).toEqual(isLeader ? [login] : []);
    },
    60_000,
  );
});
