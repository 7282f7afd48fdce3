import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds, registerKind } from '../../src/engine/kube/kubeObject.ts';
import { installCrd, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { ScriptedKubelet } from '../support/scriptedKubelet.ts';
import { ScriptedStack } from '../support/scriptedStack.ts';

registerKind({ apiVersion: 'v1', kind: 'ResourceQuota', plural: 'resourcequotas', namespaced: true });

let stack: ScriptedStack;
let kubelet: ScriptedKubelet;

beforeAll(async () => {
  const client = await testClient();
  await installCrd(client);
  stack = await ScriptedStack.start(client, () =>
    kubeconfigCredentials(systemClock, { path: inject('kubeconfig') }),
  );
  kubelet = ScriptedKubelet.start(client, stack.namespace);
  await stack.create();
  await stack.told('WorkloadsReady', { status: 'True' }, 60_000);
});
afterEach(async () => {
  kubelet.fate = () => undefined;
  await stack.patch({ spec: { nodes: null, images: null } });
  await stack.told('WorkloadsReady', { status: 'True' }, 60_000);
});
afterAll(async () => {
  await kubelet?.close();
  await stack?.close();
});

const componentOf = ({ metadata }: KubeObject) => metadata.labels?.['app.kubernetes.io/component'];
const podsOf = async (component: string) => {
  const labelSelector = `app.kubernetes.io/component=${component}`;
  return (await stack.client.list(kinds.Pod, { namespace: stack.namespace, labelSelector }, never)).items;
};

/** Changes spec, and waits until the status says what holds it up. Until then, it never says that all is well. */
async function expectHeldUp(spec: object, says: string): Promise<void> {
  const generation = await stack.patch({ spec });
  const wrong: string[] = [];
  await eventually(async () => {
    const told = await stack.condition('WorkloadsReady');
    if (told?.observedGeneration !== generation) return false;
    if (told.status === 'True') wrong.push(told.message);
    return told.message.includes(says);
  }, 45_000).catch(async (error: unknown) => {
    throw new Error(JSON.stringify(await stack.condition('WorkloadsReady')), { cause: error });
  });
  expect(wrong).toEqual([]);
}

describe('a stack whose old pods serve while the new ones cannot run', () => {
  it('is not settled with a priority class that does not exist', async () => {
    await expectHeldUp(
      { nodes: { webapp: { podTemplate: { priorityClassName: 'nope' } } } },
      'no PriorityClass with name nope was found',
    );
    await stack.told('WorkloadsReady', { reason: 'AdmissionDenied' });
    expect((await podsOf('webapp')).length).toBe(1);
  });

  it('is not settled with a node selector that no node has', async () => {
    const podTemplate = { nodeSelector: { disk: 'gold' } };
    await expectHeldUp({ nodes: { webapp: { podTemplate } } }, "didn't match Pod's node affinity/selector");
  });

  it('is not settled with an image that cannot be pulled', async () => {
    const waiting = { reason: 'ErrImagePull', message: 'registry.invalid/web:2: not found' };
    kubelet.fate = ({ spec }) =>
      spec.containers[0]?.image === 'registry.invalid/web:2'
        ? { container: { state: { waiting } } }
        : undefined;
    await expectHeldUp({ images: { webapp: 'registry.invalid/web:2' } }, 'registry.invalid/web:2: not found');
    await stack.told('WorkloadsReady', { reason: 'ImagePullFailed' });
    expect((await stack.read()).status?.phase).toBe('Blocked');
    await eventually(async () => (await stack.events()).includes('ImagePullFailed'));
  });
});

describe('a stack that loses a pod', () => {
  it('says that the kernel killed it for its memory', async () => {
    const terminated = { exitCode: 137, reason: 'OOMKilled', startedAt: null, finishedAt: null };
    const container = {
      restartCount: 3,
      state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
      lastState: { terminated },
    };
    for (const [component, condition] of [
      ['webapp', 'WorkloadsReady'],
      ['database', 'DatabaseReady'],
    ] as const) {
      kubelet.fate = (pod) => (componentOf(pod) === component ? { container } : undefined);
      const { message } = await stack.told(condition, { status: 'False', reason: 'OOMKilled' });
      expect(message).toMatch(/used more memory than its limit and was killed \(3 restarts\)/);
    }
  });

  it('goes on when another pod replaces one that was evicted', async () => {
    const [victim] = await podsOf('webapp');
    const status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
    kubelet.fate = ({ metadata }) => (metadata.uid === victim?.metadata.uid ? { status } : undefined);
    await stack.told('WorkloadsReady', { status: 'False' });
    await stack.told('WorkloadsReady', { status: 'True' });
    expect((await podsOf('webapp')).length).toBe(2);
  });

  it('says that a quota refuses the pod of a StatefulSet, which says so only in events', async () => {
    const { client, namespace } = stack;
    const quota: KubeObject = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'full', namespace },
      spec: { hard: { pods: '1' } },
    };
    await client.create(quota, { fieldManager: 'test' }, never);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const [pod] = await podsOf('coreapp');
    await client.delete(kinds.Pod, namespace, pod?.metadata.name ?? '', {}, never);
    const { message } = await stack.told('WorkloadsReady', { reason: 'QuotaExceeded' }, 60_000);
    expect(message).toMatch(/StatefulSet shop-coreapp-0 cannot create its pod: .*exceeded quota: full/);
    const kind = registerKind({ ...kinds.Pod, kind: 'ResourceQuota', plural: 'resourcequotas' });
    await client.delete(kind, namespace, 'full', {}, never);
  });
});
