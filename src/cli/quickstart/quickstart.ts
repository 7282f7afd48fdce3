import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { type Clock, sleep } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kindOf, kinds } from '../../engine/kube/kubeObject.ts';
import type { Progress, Step } from '../../local/progress.ts';
import { NETWORK, names } from '../../operator/plan/facts/names.ts';
import { webappHost } from '../../operator/plan/facts/stackSettings.ts';
import { restricted } from '../../operator/plan/render/podTemplate.ts';
import type { Condition } from '../../operator/resource/status.ts';
import {
  parseWhatsAppDeployment,
  type WhatsAppDeployment,
} from '../../operator/resource/whatsAppDeployment.ts';
import { readJournal } from '../../operator/state/journalStore.ts';
import type { SecretObject } from '../../operator/state/referencedSecrets.ts';
import { WhatsAppDeploymentKind } from '../../operator/state/stackSources.ts';
import { enableNamespace, findOperator } from '../namespaceCommand.ts';
import { podLog } from '../stack/podLog.ts';
import { quickstartReceiver, RECEIVER } from './quickstartReceiver.ts';

export interface QuickstartOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Folder with deploy/ and examples/. */
  readonly projectFolder: string;
  readonly operatorImage: string;
  /** In place of the release's image of the managed database. */
  readonly databaseImage?: string | undefined;
  readonly clock: Clock;
  readonly progress: Progress;
}

/** Name of the example. */
const STACK = 'shop';
const CUSTOMER = '16505551234';
const MANAGER = { fieldManager: 'waba-quickstart', force: true } as const;
const READY_TIMEOUT_MS = 5 * 60_000;
const WEBHOOK_TIMEOUT_MS = 60_000;
const POLL_MS = 250;

/** Conditions that people watch, in the order in which they come about. */
const SHOWN = [
  'DatabaseReady',
  'SchemaReady',
  'WorkloadsReady',
  'ApiReachable',
  'Registered',
  'ShardsServed',
  'WebhookReady',
] as const;

async function readObjects(path: string): Promise<KubeObject[]> {
  return loadAll(await readFile(path, 'utf8')).filter(
    (object) => object !== null && object !== undefined,
  ) as KubeObject[];
}

const manifests = (folder: string) => ({
  install: join(folder, 'deploy', 'install.yaml'),
  example: join(folder, 'examples', 'quickstart.yaml'),
});

/** Operator, receiver and example. Everything is applied, so that a second run changes nothing. */
export async function install(options: QuickstartOptions, signal: AbortSignal): Promise<KubeObject> {
  const { client, projectFolder, progress, clock } = options;
  const paths = manifests(projectFolder);
  const step = progress.step('installing the operator');
  try {
    for (const object of await readObjects(paths.install)) await client.apply(object, MANAGER, signal);
    step.update('waiting for it');
    await waitForDeployment(client, 'waba-operator-system', 'waba-operator', clock, signal);
    await enableNamespace(client, await findOperator(client, undefined, signal), options.namespace, signal);
    step.update('webhook receiver');
    for (const object of await quickstartReceiver(
      client,
      { namespace: options.namespace, image: options.operatorImage, ...MANAGER },
      signal,
    ))
      await client.apply(object, MANAGER, signal);
    const [example] = await readObjects(paths.example);
    if (!example) throw new CodedError('NoExample', `${paths.example} holds no object`);
    const applied = await client.apply<KubeObject>(
      withDatabase(example, options.databaseImage),
      MANAGER,
      signal,
    );
    step.done();
    return applied;
  } catch (error) {
    step.failed();
    throw error;
  }
}

function withDatabase(example: KubeObject, image: string | undefined): KubeObject {
  if (image === undefined) return example;
  const spec = example.spec as object;
  return { ...example, spec: { ...spec, images: { database: image } } };
}

/** Shows each condition as it comes true. @throws CodedError `NotReady` with the condition that does not */
export async function waitUntilReady(
  options: QuickstartOptions,
  signal: AbortSignal,
): Promise<WhatsAppDeployment> {
  const { client, namespace, progress, clock } = options;
  const deadline = clock.monotonic() + READY_TIMEOUT_MS;
  let shown: { type: string; step: Step } | undefined;
  const finished = new Set<string>();
  for (;;) {
    const parsed = parseWhatsAppDeployment(
      await client.get(WhatsAppDeploymentKind, namespace, STACK, signal),
    );
    if (!parsed.ok) throw new CodedError('NotReady', 'the resource is not understood');
    const { resource } = parsed;
    const { generation } = resource.metadata;
    const conditions = (resource.status?.conditions ?? []).filter(
      ({ observedGeneration }) => observedGeneration === generation,
    );
    const isTrue = (type: string) =>
      conditions.find((condition: Condition) => condition.type === type)?.status === 'True';
    for (const type of SHOWN) {
      if (finished.has(type)) continue;
      shown ??= { type, step: progress.step(type) };
      const condition = conditions.find((candidate) => candidate.type === type);
      if (!isTrue(type)) {
        shown.step.update(condition?.message ?? 'waiting');
        break;
      }
      finished.add(type);
      shown.step.done(condition?.message);
      shown = undefined;
    }
    if (isTrue('Ready')) return resource;
    if (clock.monotonic() > deadline) {
      shown?.step.failed();
      const ready = conditions.find(({ type }) => type === 'Ready');
      throw new CodedError(
        'NotReady',
        `not Ready after ${READY_TIMEOUT_MS / 60_000} minutes: ${ready?.message ?? 'no status; is the operator running?'}`,
      );
    }
    await sleep(clock, POLL_MS, signal);
  }
}

/** A customer writes, one message answers, and its webhooks arrive; prints each. Returns the message's id. */
export async function sendOne(
  options: QuickstartOptions,
  resource: WhatsAppDeployment,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const { progress, clock } = options;
  const step = progress.step('sending a message through /v1/messages');
  try {
    const id = await runDemoJob(options, resource, signal);
    step.done(id);
    const wanted = ['sent', 'delivered', 'read'].map((status) => `webhook ${status} ${id}`);
    const seen = new Set<string>();
    const deadline = clock.monotonic() + WEBHOOK_TIMEOUT_MS;
    while (seen.size < wanted.length) {
      const log = await logsOf(options, { labelSelector: `app=${RECEIVER}` }, signal);
      for (const line of wanted) {
        if (seen.has(line) || !log.includes(line)) continue;
        seen.add(line);
        print(line);
      }
      if (clock.monotonic() > deadline) {
        const missing = wanted.filter((line) => !seen.has(line));
        throw new CodedError(
          'NoWebhook',
          `not received: ${missing.join(', ')}. Look at: kubectl logs deploy/${RECEIVER}, kubectl logs -l app.kubernetes.io/component=coreapp`,
        );
      }
      await sleep(clock, POLL_MS, signal);
    }
    return id;
  } catch (error) {
    step.failed();
    throw error;
  }
}

/** Inside the cluster, where the names of Services resolve and no port has to be opened. */
async function runDemoJob(
  options: QuickstartOptions,
  resource: WhatsAppDeployment,
  signal: AbortSignal,
): Promise<string> {
  const { client, namespace, clock, operatorImage } = options;
  const of = names(resource.metadata.name);
  const journal = readJournal(await client.get<SecretObject>(kinds.Secret, namespace, of.journal, signal));
  const name = `${resource.metadata.name}-demo-${clock.now().toString(36)}`;
  const secret = (key: string) => ({ valueFrom: { secretKeyRef: { name: of.adminSecret, key } } });
  const env = [
    { name: 'DEMO_HOST', value: webappHost(resource) },
    { name: 'DEMO_PORT', value: '443' },
    { name: 'DEMO_CA', value: journal.webappCa ?? '' },
    { name: 'DEMO_USERNAME', ...secret('username') },
    { name: 'DEMO_PASSWORD', ...secret('password') },
    { name: 'DEMO_CONTROL_URL', value: `http://${NETWORK.name}.${namespace}.svc:${NETWORK.controlPort}` },
    { name: 'DEMO_NUMBER', value: resource.spec.phoneNumber },
    { name: 'DEMO_CUSTOMER', value: CUSTOMER },
  ];
  const container = {
    name: 'demo',
    image: operatorImage,
    command: ['/usr/local/bin/kubectl-waba', 'demo'],
    env,
    securityContext: restricted().container,
  };
  const pod = {
    restartPolicy: 'Never',
    enableServiceLinks: false,
    automountServiceAccountToken: false,
    securityContext: restricted().pod,
    containers: [container],
  };
  const job: KubeObject = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels: { app: 'quickstart-demo' } },
    spec: {
      backoffLimit: 3,
      ttlSecondsAfterFinished: 600,
      template: { spec: pod },
    },
  };
  await client.create(job, { fieldManager: MANAGER.fieldManager }, signal);
  const deadline = clock.monotonic() + WEBHOOK_TIMEOUT_MS;
  for (;;) {
    const log = await logsOf(options, { labelSelector: `job-name=${name}` }, signal);
    const id = /^message (\S+)$/m.exec(log)?.[1];
    if (id) return id;
    if (clock.monotonic() > deadline)
      throw new CodedError('NoMessage', `no message was accepted. Log of Job ${name}:\n${log || '(empty)'}`);
    await sleep(clock, POLL_MS, signal);
  }
}

async function logsOf(
  { client, namespace }: QuickstartOptions,
  selector: { labelSelector: string },
  signal: AbortSignal,
): Promise<string> {
  const { items } = await client.list<KubeObject>(kinds.Pod, { namespace, ...selector }, signal);
  const logs = await Promise.all(
    items.map(({ metadata }) => podLog(client, namespace, metadata.name, {}, signal).catch(() => '')),
  );
  return logs.join('\n');
}

async function waitForDeployment(
  client: KubeClient,
  namespace: string,
  name: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const deadline = clock.monotonic() + READY_TIMEOUT_MS;
  for (;;) {
    const { status } = await client.get<KubeObject & { status?: { availableReplicas?: number } }>(
      kinds.Deployment,
      namespace,
      name,
      signal,
    );
    if ((status?.availableReplicas ?? 0) > 0) return;
    if (clock.monotonic() > deadline)
      throw new CodedError(
        'NotReady',
        `Deployment ${name} is not available; look at: kubectl -n ${namespace} describe pods`,
      );
    await sleep(clock, POLL_MS, signal);
  }
}

/** Removes what the quickstart made from a cluster that it did not make. */
export async function uninstall(options: QuickstartOptions, signal: AbortSignal): Promise<void> {
  const { client, namespace, projectFolder, progress, clock } = options;
  const step = progress.step('removing what the quickstart made');
  const remove = (object: KubeObject) =>
    client
      .delete(
        kindOf(object),
        object.metadata.namespace,
        object.metadata.name,
        { propagation: 'Foreground' },
        signal,
      )
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
  const paths = manifests(projectFolder);
  for (const object of await readObjects(paths.example)) {
    // The operator has to be there still, for it removes the data.
    await client
      .mergePatch(WhatsAppDeploymentKind, object.metadata, { spec: { deletionPolicy: 'Delete' } }, signal)
      .catch(() => {});
    await remove(object);
    while (
      await client.get(WhatsAppDeploymentKind, namespace, object.metadata.name, signal).catch(() => undefined)
    )
      await sleep(clock, POLL_MS, signal);
  }
  for (const kind of ['Deployment', 'Service', 'Secret'] as const) {
    await remove({
      apiVersion: kinds[kind].apiVersion,
      kind,
      metadata: { name: RECEIVER, namespace },
    });
  }
  await remove({
    apiVersion: kinds.RoleBinding.apiVersion,
    kind: 'RoleBinding',
    metadata: { name: 'waba-operator', namespace },
  });
  for (const object of (await readObjects(paths.install)).reverse()) await remove(object);
  step.done();
}
