import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import type { KubeRequest } from '../../src/engine/kube/transport.ts';
import { WhatsAppBackupKind } from '../../src/operator/state/stackSources.ts';
import { freshNamespace, installCrd, never, testClient, WhatsAppDeploymentKind } from '../support/cluster.ts';
import { type CountedOperator, startCountedOperator } from '../support/countedOperator.ts';
import { eventually } from '../support/eventually.ts';
import { ScriptedKubelet } from '../support/scriptedKubelet.ts';
import { volumeFor } from '../support/scriptedStack.ts';

/** A backup and a hibernation that begin in the same instant. */

let client: KubeClient;
let namespace: string;
let operator: CountedOperator;
let kubelet: ScriptedKubelet;
/** What a request of the operator waits for. */
let before: (request: KubeRequest) => Promise<void> = async () => {};

beforeAll(async () => {
  client = await testClient();
  await installCrd(client);
  namespace = await freshNamespace(client);
  kubelet = ScriptedKubelet.start(client, namespace);
  // A Job ends when the test says so.
  kubelet.fate = ({ metadata }) =>
    metadata.labels?.['batch.kubernetes.io/job-name']?.endsWith('-backup')
      ? { status: { phase: 'Pending' } }
      : undefined;
  for (const claim of ['shop-database', 'shop-media', 'waba-network'])
    await create(volumeFor(namespace, claim));
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'vault-key', namespace } };
  await create({ ...secret, stringData: { passphrase: 'a long passphrase for a test' } });
  await create({
    apiVersion: WhatsAppDeploymentKind.apiVersion,
    kind: WhatsAppDeploymentKind.kind,
    metadata: { name: 'shop', namespace },
    spec: {
      phoneNumber: '+16315550777',
      topology: 'Single',
      backup: { destination: { claim: { name: 'vault' } }, encryptionSecretRef: { name: 'vault-key' } },
    },
  });
  operator = await start();
  await eventually(async () => (await condition('WorkloadsReady')) === 'True', 60_000);
});
afterAll(async () => {
  await operator?.stop();
  await kubelet?.close();
});

const create = (object: KubeObject) => client.create(object, { fieldManager: 'test' }, never);
const start = async () =>
  startCountedOperator(
    await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') }),
    namespace,
    [],
    (request) => before(request),
  );
const backUp = (name: string) =>
  create({
    apiVersion: WhatsAppBackupKind.apiVersion,
    kind: WhatsAppBackupKind.kind,
    metadata: { name, namespace },
    spec: { deployment: 'shop' },
  });
const hibernate = (hibernated: boolean) =>
  client.mergePatch(WhatsAppDeploymentKind, { namespace, name: 'shop' }, { spec: { hibernated } }, never);
const stackStatus = async () => {
  type Stored = KubeObject & {
    status?: { conditions?: { type: string; status: string; message: string }[] };
  };
  const stored = await client.get<Stored>(WhatsAppDeploymentKind, namespace, 'shop', never);
  return stored.status?.conditions ?? [];
};
const condition = async (type: string) => (await stackStatus()).find((one) => one.type === type)?.status;
const waitsFor = async (text: string) =>
  (await stackStatus()).some(({ type, message }) => type === 'WorkloadsReady' && message.includes(text));
const wantsDatabase = async () => {
  const { spec } = await client.get<KubeObject & { spec: { replicas: number } }>(
    kinds.StatefulSet,
    namespace,
    'shop-database',
    never,
  );
  return spec.replicas === 1;
};
/** Ends the Job of a backup as its controller would. */
async function end(name: string): Promise<void> {
  const [pod] = (
    await client.list(
      kinds.Pod,
      { namespace, labelSelector: `batch.kubernetes.io/job-name=${name}-backup` },
      never,
    )
  ).items;
  const target = { namespace, name: pod?.metadata.name ?? '', subresource: 'status' } as const;
  await client.mergePatch(kinds.Pod, target, { status: { phase: 'Succeeded' } }, never);
}
const isPodOf = async (name: string) =>
  (
    await client.list(
      kinds.Pod,
      { namespace, labelSelector: `batch.kubernetes.io/job-name=${name}-backup` },
      never,
    )
  ).items.length === 1;

describe('the database of a stack that is about to hibernate', () => {
  it('runs until the Job has ended that was being created at that moment', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const isCreating = new Promise<void>((resolve) => {
      before = async ({ method, path }) => {
        if (method !== 'POST' || !path.endsWith('/jobs')) return;
        resolve();
        await held;
      };
    });
    await backUp('instant');
    await isCreating;
    await hibernate(true);
    await eventually(() => waitsFor('a look at the backups'), 20_000);
    expect(await wantsDatabase()).toBe(true);
    release();
    await eventually(() => waitsFor('the end of WhatsAppBackup instant'), 20_000);
    expect(await wantsDatabase()).toBe(true);
    await eventually(() => isPodOf('instant'));
    await end('instant');
    await eventually(async () => (await condition('Hibernated')) === 'True', 60_000);
    expect(await wantsDatabase()).toBe(false);
    await hibernate(false);
    await eventually(async () => (await condition('WorkloadsReady')) === 'True', 60_000);
  });

  it('runs on for a Job that an operator made which ended before it could tell', async () => {
    before = async ({ path }) => {
      if (path.endsWith('/whatsappbackups/untold/status')) throw new Error('the API server does not answer');
    };
    await backUp('untold');
    await eventually(() => isPodOf('untold'), 20_000);
    await operator.stop();
    await hibernate(true);
    operator = await start();
    await eventually(() => waitsFor('the end of Job untold-backup'), 30_000);
    expect(await wantsDatabase()).toBe(true);
    await end('untold');
    await eventually(async () => (await condition('Hibernated')) === 'True', 20_000);
    expect(await wantsDatabase()).toBe(false);
  });
});
