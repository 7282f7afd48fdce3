import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { isNotFound } from '../../src/engine/kube/apiError.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds, type ResourceKind } from '../../src/engine/kube/kubeObject.ts';
import { CLEANUP_FINALIZER, stackLabels } from '../../src/operator/plan/facts/names.ts';
import type { Condition } from '../../src/operator/resource/status.ts';
import { freshNamespace, installCrd, never, testClient, WhatsAppDeploymentKind } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { runTestOperator } from '../support/runTestOperator.ts';

const NUMBER = '+16315550810';
const HELD = 'example.org/held';

let client: KubeClient;
let namespace: string;
const stop = new AbortController();
let running: Promise<void>;

type Stored = KubeObject & { status?: { conditions?: Condition[]; phase?: string } };

beforeAll(async () => {
  client = await testClient();
  await installCrd(client);
  namespace = await freshNamespace(client);
  running = runTestOperator(
    { credentials: await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') }), namespace },
    stop.signal,
  );
});
afterAll(async () => {
  stop.abort();
  await running;
});

const create = (name: string, spec: object) =>
  client.create<Stored>(
    {
      apiVersion: WhatsAppDeploymentKind.apiVersion,
      kind: WhatsAppDeploymentKind.kind,
      metadata: { name, namespace },
      spec,
    },
    { fieldManager: 'test' },
    never,
  );
const remove = (kind: ResourceKind, name: string) => client.delete(kind, namespace, name, {}, never);
const find = <T extends KubeObject>(kind: ResourceKind, name: string): Promise<T | undefined> =>
  client.get<T>(kind, namespace, name, never).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
const condition = async (name: string, type: string): Promise<Condition | undefined> => {
  const stored = await find<Stored>(WhatsAppDeploymentKind, name);
  return stored?.status?.conditions?.find((candidate) => candidate.type === type);
};
/** Waits for a condition; a failure shows the last one. */
async function tells(name: string, type: string, wanted: { status: string; reason?: string; says?: string }) {
  let last: Condition | undefined;
  await eventually(async () => {
    last = await condition(name, type);
    return (
      last?.status === wanted.status &&
      (wanted.reason === undefined || last.reason === wanted.reason) &&
      (wanted.says === undefined || last.message.includes(wanted.says))
    );
  }, 20_000).catch((cause: unknown) => {
    throw new Error(`${name}: ${type} is ${JSON.stringify(last)}, not ${JSON.stringify(wanted)}`, { cause });
  });
}
const goes = (kind: ResourceKind, name: string) =>
  eventually(async () => (await find(kind, name)) === undefined, 20_000);
/** Deletes a stack and the data that it keeps. */
async function forget(name: string): Promise<void> {
  await client.mergePatch(
    WhatsAppDeploymentKind,
    { namespace, name },
    { spec: { deletionPolicy: 'Delete' } },
    never,
  );
  await eventually(async () =>
    (await find(WhatsAppDeploymentKind, name))?.metadata.finalizers?.includes(CLEANUP_FINALIZER),
  );
  await remove(WhatsAppDeploymentKind, name);
  await goes(WhatsAppDeploymentKind, name);
}

/** A Coreapp of a stack that does not go by itself, as on a node that is cut off. */
const stayingPod = (stack: string, name: string) =>
  client.create(
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels: stackLabels(stack, 'coreapp'), finalizers: [HELD] },
      // Bound to a node of another test, it would wait for its kubelet.
      spec: { schedulerName: 'nobody', containers: [{ name: 'coreapp', image: 'a' }] },
    },
    { fieldManager: 'test' },
    never,
  );

describe('a stack whose number another one has', () => {
  it('starts by itself when the other one is gone, and not before its pods are', async () => {
    await create('older', { phoneNumber: NUMBER });
    await eventually(async () => (await condition('older', 'SpecValid'))?.status === 'True');
    await stayingPod('older', 'older-coreapp-9-0');
    // Creation times have seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await create('younger', { phoneNumber: NUMBER });
    await tells('younger', 'SpecValid', {
      status: 'False',
      reason: 'NumberInUse',
      says: 'older, which runs, is registered or is older',
    });
    await remove(WhatsAppDeploymentKind, 'older');
    await tells('younger', 'SpecValid', {
      status: 'False',
      reason: 'NumberInUse',
      says: `pods of the deleted WhatsAppDeployment ${namespace}/older still run with the number: older-coreapp-9-0`,
    });
    await client.mergePatch(
      kinds.Pod,
      { namespace, name: 'older-coreapp-9-0' },
      { metadata: { finalizers: null } },
      never,
    );
    await remove(kinds.Pod, 'older-coreapp-9-0').catch(() => {});
    await tells('younger', 'SpecValid', { status: 'True' });
    await forget('younger');
  });
});

describe('the network process that stacks share', () => {
  const network = () =>
    find<KubeObject & { spec: { template: { spec: { imagePullSecrets?: { name: string }[] } } } }>(
      kinds.Deployment,
      'waba-network',
    );
  const owners = async () => (await network())?.metadata.ownerReferences?.map(({ name }) => name).sort();
  const pullSecrets = async () =>
    (await network())?.spec.template.spec.imagePullSecrets?.map(({ name }) => name).join();

  it('drops what it had from a stack that is deleted, without another event', async () => {
    await create('one', { phoneNumber: '+16315550811', imagePullSecrets: [{ name: 'first' }] });
    await create('two', { phoneNumber: '+16315550812', imagePullSecrets: [{ name: 'second' }] });
    await eventually(async () => (await pullSecrets()) === 'first,second', 20_000);
    await remove(WhatsAppDeploymentKind, 'one');
    await eventually(async () => (await pullSecrets()) === 'second', 20_000);
    expect(await owners()).toEqual(['two']);
  });

  it('keeps its data while that of a deleted stack is kept, and loses it with the last', async () => {
    const claim = () => find(kinds.PersistentVolumeClaim, 'waba-network');
    // The data of stack one is kept, and its registration is in that of the network.
    await forget('two');
    expect((await claim())?.metadata.deletionTimestamp).toBeUndefined();
    await create('one', { phoneNumber: '+16315550811' });
    await eventually(async () => (await condition('one', 'SpecValid'))?.status === 'True');
    // `older` of another test kept its data too.
    await create('older', { phoneNumber: NUMBER });
    await eventually(async () => (await condition('older', 'SpecValid'))?.status === 'True');
    await forget('older');
    expect((await claim())?.metadata.deletionTimestamp).toBeUndefined();
    await forget('one');
    await eventually(async () => {
      const left = await claim();
      return left === undefined || left.metadata.deletionTimestamp !== undefined;
    });
  });
});

describe('data that was kept under the name of a stack', () => {
  it('is not taken for that of another number, and the way back is told', async () => {
    const [first, second] = ['+16315550813', '+16315550814'];
    await create('kept', { phoneNumber: first });
    type Secret = KubeObject & { data: Record<string, string> };
    const journal = async () => {
      const secret = await find<Secret>(kinds.Secret, 'kept-journal');
      const text = secret?.data['journal.json'];
      return text === undefined
        ? undefined
        : (JSON.parse(Buffer.from(text, 'base64').toString()) as { number?: string });
    };
    await eventually(async () => (await journal())?.number === first, 20_000);
    await remove(WhatsAppDeploymentKind, 'kept');
    await goes(WhatsAppDeploymentKind, 'kept');
    const registered = { ...(await journal()), registration: { attempt: 1, phase: 'registered' } };
    await client.mergePatch(
      kinds.Secret,
      { namespace, name: 'kept-journal' },
      { data: { 'journal.json': Buffer.from(JSON.stringify(registered)).toString('base64') } },
      never,
    );
    await create('kept', { phoneNumber: second });
    await tells('kept', 'SpecValid', { status: 'False', reason: 'DataOfAnotherNumber', says: first });
    await tells('kept', 'ApiReachable', { status: 'False', reason: 'DataOfAnotherNumber' });
    expect((await find<Stored>(WhatsAppDeploymentKind, 'kept'))?.status?.phase).toBe('Blocked');
    await remove(WhatsAppDeploymentKind, 'kept');
    await goes(WhatsAppDeploymentKind, 'kept');
    await create('kept', { phoneNumber: first });
    await tells('kept', 'SpecValid', { status: 'True' });
    await forget('kept');
  });
});

describe('what a stack refers to', () => {
  it('is missed as soon as it is deleted', async () => {
    const secret = (password: string) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'credentials', namespace },
      stringData: { username: 'a', password },
    });
    await client.create(secret('a'), { fieldManager: 'test' }, never);
    await create('refers', {
      phoneNumber: '+16315550815',
      database: {
        external: {
          host: 'db.example',
          credentialsSecretRef: { name: 'credentials' },
          tls: { mode: 'Disable' },
        },
      },
    });
    await tells('refers', 'DatabaseReady', { status: 'False', reason: 'Connecting' });
    await remove(kinds.Secret, 'credentials');
    await tells('refers', 'DatabaseReady', { status: 'False', reason: 'SecretMissing' });
    await client.create(secret('b'), { fieldManager: 'test' }, never);
    await tells('refers', 'DatabaseReady', { status: 'False', reason: 'Connecting' });
    await forget('refers');
  });
});
