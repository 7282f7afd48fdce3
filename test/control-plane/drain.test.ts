import { afterAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { ApiError } from '../../src/engine/kube/apiError.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds, resourcePath } from '../../src/engine/kube/kubeObject.ts';
import { installCrd, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { ScriptedKubelet } from '../support/scriptedKubelet.ts';
import { ScriptedStack } from '../support/scriptedStack.ts';

/** Evicts pods as `kubectl drain` does: the real API server asks the PodDisruptionBudgets, which a real controller counts. */

const REFUSED = 429;
type Pod = KubeObject & {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
};

const started: { close(): Promise<void> }[] = [];

async function start(spec: object): Promise<{ stack: ScriptedStack; kubelet: ScriptedKubelet }> {
  const client = await testClient();
  await installCrd(client);
  const stack = await ScriptedStack.start(client, () =>
    kubeconfigCredentials(systemClock, { path: inject('kubeconfig') }),
  );
  const kubelet = ScriptedKubelet.start(client, stack.namespace);
  started.push(kubelet, stack);
  await stack.create(spec);
  await stack.told('WorkloadsReady', { status: 'True' }, 60_000);
  return { stack, kubelet };
}
afterAll(async () => {
  for (const part of started) await part.close();
});

const podsOf = async ({ client, namespace }: ScriptedStack, component?: string) => {
  const labelSelector = [
    '!batch.kubernetes.io/job-name',
    ...(component ? [`${COMPONENT}=${component}`] : []),
  ];
  const { items } = await client.list<Pod>(
    kinds.Pod,
    { namespace, labelSelector: labelSelector.join(',') },
    never,
  );
  return items;
};
const COMPONENT = 'app.kubernetes.io/component';
const isReady = ({ status, metadata }: Pod) =>
  !metadata.deletionTimestamp &&
  (status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false);

/** @returns the status of the answer */
const evict = async ({ client, namespace }: ScriptedStack, name: string): Promise<number> => {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  const path = resourcePath(kinds.Pod, namespace, name, 'eviction');
  return client.transport.request({ method: 'POST', path, body }, never).then(
    () => 201,
    (error: unknown) => {
      if (error instanceof ApiError) return error.status;
      throw error;
    },
  );
};

/** Asks again and again, as `kubectl drain` does, until the pod is gone. */
async function drain(stack: ScriptedStack, { metadata: { name, uid } }: Pod): Promise<void> {
  await eventually(async () => (await evict(stack, name)) !== REFUSED, 30_000);
  await eventually(async () => !(await podsOf(stack)).some(({ metadata }) => metadata.uid === uid), 30_000);
}

describe('a drain', () => {
  it('is held up by no pod of a stack with one of each', async () => {
    const { stack } = await start({ topology: 'Single' });
    const pods = await podsOf(stack);
    expect(pods.map(({ metadata }) => metadata.labels?.[COMPONENT]).sort()).toEqual([
      'coreapp',
      'database',
      'network',
      'webapp',
    ]);
    for (const pod of pods)
      expect([pod.metadata.name, await evict(stack, pod.metadata.name)]).toEqual([pod.metadata.name, 201]);
    await stack.told('WorkloadsReady', { status: 'True' }, 60_000);
  });

  it('is held up by no pod of a stack with a single Webapp and Master among several Coreapps', async () => {
    const { stack } = await start({
      topology: 'HighAvailability',
      nodes: { webapp: { replicas: 1 }, master: { replicas: 1 } },
      multiconnect: { shards: 1, standbys: 0 },
    });
    for (const pod of await podsOf(stack)) await drain(stack, pod);
    await stack.told('WorkloadsReady', { status: 'True' }, 60_000);
  });

  it('never takes both of a role, and gets all of them one after the other', async () => {
    const { stack, kubelet } = await start({ topology: 'HighAvailability' });
    for (const role of ['webapp', 'master', 'coreapp']) {
      // A pod that is not ready protects nothing, and may be evicted.
      const before = await eventually(async () => {
        const pods = await podsOf(stack, role);
        return pods.length === 2 && pods.every(isReady) ? pods : undefined;
      });
      // The new pods stay as they come until the test has looked.
      kubelet.fate = (pod) =>
        before.some(({ metadata }) => metadata.uid === pod.metadata.uid)
          ? undefined
          : { container: { state: { waiting: { reason: 'ContainerCreating' } } } };
      const [first, second] = before.map(({ metadata }) => metadata.name);
      expect(await evict(stack, first ?? '')).toBe(201);
      expect([role, await evict(stack, second ?? '')]).toEqual([role, REFUSED]);
      await eventually(
        async () =>
          !(await podsOf(stack, role)).some(({ metadata }) => metadata.uid === before[0]?.metadata.uid),
      );
      expect([role, await evict(stack, second ?? '')]).toEqual([role, REFUSED]);
      expect((await podsOf(stack, role)).filter(isReady).map(({ metadata }) => metadata.name)).toEqual([
        second,
      ]);
      kubelet.fate = () => undefined;
      await eventually(async () => (await podsOf(stack, role)).filter(isReady).length === 2, 30_000);
      for (const pod of before.slice(1)) await drain(stack, pod);
    }
    await stack.told('WorkloadsReady', { status: 'True' }, 60_000);
  });

  it('is not held up by a pod that cannot run', async () => {
    const { stack, kubelet } = await start({ topology: 'HighAvailability' });
    const waiting = { reason: 'CrashLoopBackOff', message: 'back-off 5m' };
    kubelet.fate = (pod) =>
      pod.metadata.labels?.[COMPONENT] === 'master' ? { container: { state: { waiting } } } : undefined;
    await eventually(async () => (await podsOf(stack, 'master')).every((pod) => !isReady(pod)), 30_000);
    for (const { metadata } of await podsOf(stack, 'master'))
      expect([metadata.name, await evict(stack, metadata.name)]).toEqual([metadata.name, 201]);
  });
});
