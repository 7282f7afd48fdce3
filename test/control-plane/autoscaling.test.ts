import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { isNotFound } from '../../src/engine/kube/apiError.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import type { ManagedFields } from '../../src/engine/kube/fieldOwners.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import type { WhatsAppDeploymentStatus } from '../../src/operator/resource/status.ts';
import { installCrd, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { PlayedMetrics } from '../support/playedMetrics.ts';
import { ReplicaWatch } from '../support/replicaWatch.ts';
import { ScriptedKubelet } from '../support/scriptedKubelet.ts';
import { ScriptedStack } from '../support/scriptedStack.ts';

/** The autoscaler of a real kube-controller-manager decides, from the load that a played metrics API tells. */

/** The controller looks every 15 s. */
const PATIENCE_MS = 90_000;
const AUTOSCALER = 'shop-webapp';

let stack: ScriptedStack;
let kubelet: ScriptedKubelet;
let metrics: PlayedMetrics | undefined;
let counts: ReplicaWatch;

beforeAll(async () => {
  const client = await testClient();
  await installCrd(client);
  stack = await ScriptedStack.start(client, () =>
    kubeconfigCredentials(systemClock, { path: inject('kubeconfig') }),
  );
  kubelet = ScriptedKubelet.start(client, stack.namespace);
  await stack.create({ topology: 'HighAvailability', nodes: { webapp: { replicas: 3 } } });
  await stack.told('WorkloadsReady', { status: 'True' }, 60_000);
  counts = new ReplicaWatch(client, stack.namespace, 'shop-webapp');
  await eventually(() => counts.take().includes(3));
});
afterAll(async () => {
  counts?.close();
  await metrics?.close();
  await kubelet?.close();
  await stack?.close();
});

const deployment = () =>
  stack.client.get<KubeObject & { spec: { replicas: number } }>(
    kinds.Deployment,
    stack.namespace,
    'shop-webapp',
    never,
  );
const autoscaler = () =>
  stack.client
    .get<KubeObject & { spec: { maxReplicas: number } }>(
      kinds.HorizontalPodAutoscaler,
      stack.namespace,
      AUTOSCALER,
      never,
    )
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return undefined;
    });
const scaling = (change: object) => stack.patch({ spec: { nodes: { webapp: { autoscaling: change } } } });
const status = async () => (await stack.read()).status as WhatsAppDeploymentStatus | undefined;
const settled = async (replicas: number) => {
  await eventually(async () => (await deployment()).spec.replicas === replicas, PATIENCE_MS);
  await stack.told('WorkloadsReady', { status: 'True' }, PATIENCE_MS);
};

/** The managers that own the number of pods. */
const owners = async () =>
  ((await deployment()).metadata.managedFields as ManagedFields[])
    .filter(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes('f:replicas'))
    .filter(({ fieldsV1 }) => 'f:replicas' in ((fieldsV1 as { 'f:spec'?: object })['f:spec'] ?? {}))
    .map(({ manager }) => manager);

describe('the number of Webapps', () => {
  it('goes to the autoscaler as it is, and stays without a metrics API, which the status tells', async () => {
    await stack.patch({
      spec: { nodes: { webapp: { replicas: null, autoscaling: { minReplicas: 2, maxReplicas: 6 } } } },
    });
    const told = await stack.told('Autoscaled', { status: 'False', reason: 'MetricsMissing' }, PATIENCE_MS);
    expect(told.message).toContain('HorizontalPodAutoscaler shop-webapp says ScalingActive=False FailedGet');
    expect(await owners()).toEqual(['waba-operator-handover']);
    expect(counts.take()).toEqual([3]);
    // The autoscaler is of no concern to a stack that serves.
    await stack.told('WorkloadsReady', { status: 'True' });
    await eventually(async () => (await status())?.autoscaling?.current === 3);
    expect((await status())?.autoscaling).toEqual({ current: 3, desired: 3, min: 2, max: 6 });
  });

  it('follows the load up to the maximum, and the status says that more are wanted', async () => {
    metrics = await PlayedMetrics.start(stack.client, stack.namespace);
    metrics.cpuMillis = 600;
    await settled(6);
    expect(counts.take()).toEqual([3, 6]);
    const told = await stack.told('Autoscaled', { status: 'False', reason: 'AtMaximum' }, PATIENCE_MS);
    expect(told.message).toContain('the desired replica count is more than the maximum replica count');
    expect((await status())?.summary?.webapps).toBe('6/6');
    expect(await owners()).toEqual(['kube-controller-manager']);
  });

  it('stays through a roll of the Webapps, and through a change of the autoscaler', async () => {
    const podTemplate = { annotations: { note: 'new' } };
    await stack.patch({ spec: { nodes: { webapp: { podTemplate } } } });
    await eventually(
      async () => JSON.stringify((await deployment()).spec).includes('"note":"new"'),
      PATIENCE_MS,
    );
    await settled(6);
    await scaling({ maxReplicas: 7, targetCPUUtilizationPercentage: 90 });
    await eventually(async () => (await autoscaler())?.spec.maxReplicas === 7);
    await settled(7);
    expect(counts.take()).toEqual([6, 7]);
    expect((await stack.events()).filter((reason) => reason === 'FieldReclaimed')).toEqual([]);
  });

  it('follows requests per second where an adapter serves them', async () => {
    if (metrics) Object.assign(metrics, { cpuMillis: 135, requestsPerSecond: 790 });
    await scaling({ maxReplicas: 12, requestsPerSecond: { averageValue: 100 } });
    await settled(8);
    expect(counts.take()).toEqual([7, 8]);
    const told = await stack.told('Autoscaled', { status: 'True', reason: 'Scaling' }, PATIENCE_MS);
    expect(told.message).toBe('8 Webapps, of 2 to 12');
    await scaling({ requestsPerSecond: null, maxReplicas: 8 });
  });

  it('is nothing while the stack hibernates, and begins with the least when it wakes', async () => {
    if (metrics) metrics.cpuMillis = 0;
    await stack.patch({ spec: { hibernated: true } });
    await stack.told('Hibernated', { status: 'True' }, PATIENCE_MS);
    expect((await deployment()).spec.replicas).toBe(0);
    await stack.patch({ spec: { hibernated: false } });
    await settled(2);
    expect(counts.take()).toEqual([8, 0, 2]);
    await eventually(async () => (await owners()).every((manager) => manager !== 'waba-operator'));
  });

  it('is set back to the least by the operator when somebody stops all Webapps', async () => {
    const target = { namespace: stack.namespace, name: 'shop-webapp' };
    await stack.client.mergePatch(kinds.Deployment, target, { spec: { replicas: 0 } }, never);
    await settled(2);
    expect(counts.take()).toEqual([2, 0, 2]);
  });

  it('is that of spec again when autoscaling ends, without less in between', async () => {
    if (metrics) metrics.cpuMillis = 600;
    // Within a minute, it at most doubles.
    await settled(4);
    counts.take();
    await stack.patch({ spec: { nodes: { webapp: { autoscaling: null, replicas: 3 } } } });
    await settled(3);
    expect(counts.take()).toEqual([4, 3]);
    expect(await autoscaler()).toBeUndefined();
    expect(await owners()).toEqual(['waba-operator']);
    await stack.told('Autoscaled', { status: 'True', reason: 'NotConfigured' });
    expect((await status())?.autoscaling).toBeUndefined();
  });
});
