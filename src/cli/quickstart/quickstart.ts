import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { waitUntil } from '../../base/waitUntil.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { podLog } from '../../engine/kube/podLog.ts';
import type { Progress, Step } from '../../local/progress.ts';
import { NETWORK, names } from '../../operator/plan/facts/names.ts';
import type { SecretObject } from '../../operator/plan/facts/secrets.ts';
import { webappHost } from '../../operator/plan/facts/stackSettings.ts';
import { restricted } from '../../operator/plan/render/podTemplate.ts';
import type { Condition } from '../../operator/resource/status.ts';
import {
  parseWhatsAppDeployment,
  type WhatsAppDeployment,
} from '../../operator/resource/whatsAppDeployment.ts';
import { readJournal } from '../../operator/state/journalStore.ts';
import type { PodObject } from '../../operator/state/podObject.ts';
import { podView } from '../../operator/state/podView.ts';
import { WhatsAppDeploymentKind } from '../../operator/state/stackSources.ts';
import { inStep } from '../inStep.ts';
import { enableNamespace, findOperator } from '../namespaceCommand.ts';
import { LastingBlock } from './lastingBlock.ts';
import { quickstartReceiver, RECEIVER } from './quickstartReceiver.ts';

export interface QuickstartOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Folder with deploy/ and examples/. */
  readonly projectFolder: string;
  readonly operatorImage: string;
  /** Image of the managed database, instead of the release's. */
  readonly databaseImage?: string | undefined;
  readonly clock: Clock;
  readonly progress: Progress;
}

/** Name of the resource in examples/quickstart.yaml. */
const STACK = 'shop';
const CUSTOMER = '16505551234';
const MANAGER = { fieldManager: 'waba-quickstart', force: true } as const;
const READY_TIMEOUT_MS = 5 * 60_000;
const WEBHOOK_TIMEOUT_MS = 60_000;
export const POLL_MS = 250;

/** Conditions that are shown as steps, in the order in which they become True. */
const SHOWN = [
  'DatabaseReady',
  'SchemaReady',
  'WorkloadsReady',
  'ApiReachable',
  'Registered',
  'ShardsServed',
  'WebhookReady',
] as const;

/** The objects of a YAML file. */
export async function readObjects(path: string): Promise<KubeObject[]> {
  return loadAll(await readFile(path, 'utf8')).filter(
    (object) => object !== null && object !== undefined,
  ) as KubeObject[];
}

/** Files of the project that the quickstart applies. */
export const manifests = (folder: string) => ({
  install: join(folder, 'deploy', 'install.yaml'),
  example: join(folder, 'examples', 'quickstart.yaml'),
});

/** Installs operator, receiver and example. It applies every object, so a second run changes nothing. */
export async function install(options: QuickstartOptions, signal: AbortSignal): Promise<KubeObject> {
  const { client, namespace, projectFolder, progress, clock, operatorImage: image } = options;
  const paths = manifests(projectFolder);
  return inStep(progress, 'installing the operator', async (step) => {
    for (const object of await readObjects(paths.install)) await client.apply(object, MANAGER, signal);
    step.update('waiting for its Deployment');
    await waitForDeployment(client, 'waba-operator-system', 'waba-operator', clock, signal);
    await enableNamespace(client, await findOperator(client, undefined, signal), namespace, signal);
    step.update('creating the webhook receiver');
    const receiver = await quickstartReceiver(client, { namespace, image, ...MANAGER }, signal);
    for (const object of receiver) await client.apply(object, MANAGER, signal);
    const [example] = await readObjects(paths.example);
    if (!example) throw new CodedError('NoExample', `${paths.example} contains no object`);
    return client.apply<KubeObject>(withDatabase(example, options.databaseImage), MANAGER, signal);
  });
}

function withDatabase(example: KubeObject, image: string | undefined): KubeObject {
  if (image === undefined) return example;
  const spec = example.spec as object;
  return { ...example, spec: { ...spec, images: { database: image } } };
}

/** Shows each condition when it becomes True. @throws CodedError `NotReady` with the message of condition Ready */
export async function waitUntilReady(
  options: QuickstartOptions,
  signal: AbortSignal,
): Promise<WhatsAppDeployment> {
  const { client, namespace, progress, clock } = options;
  let ready: Condition | undefined;
  let shown: { type: string; step: Step } | undefined;
  const finished = new Set<string>();
  const blocked = new LastingBlock(clock, {
    what: `WhatsAppDeployment ${STACK}`,
    command: `kubectl -n ${namespace} describe wad ${STACK}`,
  });
  const look = async () => {
    const parsed = parseWhatsAppDeployment(
      await client.get(WhatsAppDeploymentKind, namespace, STACK, signal),
    );
    if (!parsed.ok)
      throw new CodedError(
        'NotReady',
        `WhatsAppDeployment ${STACK} does not match this version: ${parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; ')}`,
      );
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
    ready = conditions.find(({ type }) => type === 'Ready');
    blocked.check(ready);
    return isTrue('Ready') && resource;
  };
  const late = () =>
    new CodedError(
      'NotReady',
      `WhatsAppDeployment ${STACK} is not Ready after ${READY_TIMEOUT_MS / 60_000} minutes: ${ready?.message ?? 'it has no status; check that the operator runs'}`,
    );
  return waitUntil(look, { clock, everyMs: POLL_MS, timeoutMs: READY_TIMEOUT_MS, late }, signal).catch(
    (error: unknown) => {
      shown?.step.failed();
      throw error;
    },
  );
}

/** Sends one message and prints each of its callbacks. Returns the id of the message. */
export async function sendOne(
  options: QuickstartOptions,
  resource: WhatsAppDeployment,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const { progress } = options;
  const title = 'sending a message through /v1/messages';
  const id = await inStep(
    progress,
    title,
    () => runDemoJob(options, resource, signal),
    (sent) => sent,
  );
  await printCallbacks(options, id, print, signal);
  return id;
}

/** @throws CodedError `NoWebhook` */
async function printCallbacks(
  options: QuickstartOptions,
  id: string,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = options;
  const wanted = ['sent', 'delivered', 'read'].map((status) => `webhook ${status} ${id}`);
  const seen = new Set<string>();
  const look = async () => {
    const log = await logsOf(options, { labelSelector: `app=${RECEIVER}` }, signal);
    for (const line of wanted) {
      if (seen.has(line) || !log.includes(line)) continue;
      seen.add(line);
      print(line);
    }
    return seen.size === wanted.length;
  };
  const late = () => {
    const missing = wanted.filter((line) => !seen.has(line));
    return new CodedError(
      'NoWebhook',
      `no callback within ${WEBHOOK_TIMEOUT_MS / 1000} s: ${missing.join(', ')}; see \`kubectl logs deploy/${RECEIVER}\` and \`kubectl logs -l app.kubernetes.io/component=coreapp\``,
    );
  };
  await waitUntil(look, { clock, everyMs: POLL_MS, timeoutMs: WEBHOOK_TIMEOUT_MS, late }, signal);
}

/** Sends the message from a Job, because in the cluster the names of Services resolve. */
async function runDemoJob(
  options: QuickstartOptions,
  resource: WhatsAppDeployment,
  signal: AbortSignal,
): Promise<string> {
  const { client, namespace, clock, operatorImage } = options;
  const of = names(resource.metadata.name);
  const journal = readJournal(await client.get<SecretObject>(kinds.Secret, namespace, of.journal, signal));
  const name = `${resource.metadata.name}-demo-${clock.now().toString(36)}`;
  const secret = (name: string, key: string) => ({ valueFrom: { secretKeyRef: { name, key } } });
  const env = [
    { name: 'DEMO_HOST', value: webappHost(resource) },
    { name: 'DEMO_PORT', value: '443' },
    { name: 'DEMO_CA', value: journal.webappCa ?? '' },
    { name: 'DEMO_USERNAME', ...secret(of.adminSecret, 'username') },
    { name: 'DEMO_PASSWORD', ...secret(of.adminSecret, 'password') },
    { name: 'DEMO_CONTROL_URL', value: `http://${NETWORK.name}.${namespace}.svc:${NETWORK.controlPort}` },
    { name: 'DEMO_CONTROL_TOKEN', ...secret(NETWORK.controlSecret, 'token') },
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
  // On its pods too, so that a stack with `networkPolicy.allowFrom` can let them in.
  const labels = { app: 'quickstart-demo' };
  const job: KubeObject = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels },
    spec: {
      backoffLimit: 3,
      // Nobody waits for it longer than WEBHOOK_TIMEOUT_MS; it would try for ever.
      activeDeadlineSeconds: 300,
      ttlSecondsAfterFinished: 600,
      template: { metadata: { labels }, spec: pod },
    },
  };
  await client.create(job, { fieldManager: MANAGER.fieldManager }, signal);
  let log = '';
  const look = async () => {
    log = await logsOf(options, { labelSelector: `job-name=${name}` }, signal);
    return /^message (\S+)$/m.exec(log)?.[1];
  };
  const late = () =>
    new CodedError(
      'NoMessage',
      `the stack accepted no message within ${WEBHOOK_TIMEOUT_MS / 1000} s. Log of Job ${name}:\n${log || '(empty)'}`,
    );
  return waitUntil(look, { clock, everyMs: POLL_MS, timeoutMs: WEBHOOK_TIMEOUT_MS, late }, signal);
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
  const command = `kubectl -n ${namespace} describe pods`;
  const blocked = new LastingBlock(clock, { what: `Deployment ${name}`, command });
  const isAvailable = async () => {
    const { items } = await client.list<PodObject>(kinds.Pod, { namespace }, signal);
    const held = items.map(podView).find(({ problem }) => problem);
    blocked.check(
      held?.problem && { reason: held.problem.reason, message: `Pod ${held.name}: ${held.problem.text}` },
    );
    const { status } = await client.get<KubeObject & { status?: { availableReplicas?: number } }>(
      kinds.Deployment,
      namespace,
      name,
      signal,
    );
    return (status?.availableReplicas ?? 0) > 0;
  };
  const late = () =>
    new CodedError(
      'NotReady',
      `Deployment ${name} is not available after ${READY_TIMEOUT_MS / 60_000} minutes; see \`${command}\``,
    );
  await waitUntil(isAvailable, { clock, everyMs: POLL_MS, timeoutMs: READY_TIMEOUT_MS, late }, signal);
}
