import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { load } from 'js-yaml';
import { exited, spawnBound } from '../src/base/childProcess.ts';
import { systemClock } from '../src/base/clock.ts';
import { freePort } from '../src/base/ports.ts';
import { waitUntil } from '../src/base/waitUntil.ts';
import { isAlreadyExists } from '../src/engine/kube/apiError.ts';
import { type KubeObject, kinds, resourcePath } from '../src/engine/kube/kubeObject.ts';
import { type ControlPlane, startControlPlane } from '../src/local/controlPlane.ts';
import { findPrograms } from '../src/local/programs.ts';
import { createProgress } from '../src/local/progress.ts';
import { API_VERSION, KIND } from '../src/operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../src/operator/state/stackSources.ts';
import { StackModel } from '../test/support/stackModel.ts';
import { whatsAppDeployment } from '../test/support/whatsAppDeployment.ts';
import { printTable } from './printTable.ts';
import { ownCpuSeconds, residentBytes } from './processCpu.ts';

// The operator at its start, with many stacks and all their objects on a real API server. The stacks are paused and their
// pods run nowhere: what is measured is how it lists, keeps and judges them.
const STACKS = Number(process.env.STACKS ?? 1_000);
const WORKERS = 32;
const PATIENCE_MS = 600_000;
const REST_MS = 5_000;
const NAME = 'template-shop';
const UID = 'template-uid';

const { signal } = new AbortController();
const manager = { fieldManager: 'bench' };
const note = (text: string) => void process.stderr.write(`${text}\n`);
const until = (what: string, isSo: () => Promise<boolean>, everyMs: number) =>
  waitUntil(
    isSo,
    { clock: systemClock, everyMs, timeoutMs: PATIENCE_MS, late: () => new Error(`${what}: too late`) },
    signal,
  );

/** All objects of a stack that has settled, and its pods, as its operator made them. */
function objectsOfStack(): KubeObject[] {
  const stack = new StackModel(whatsAppDeployment({ metadata: { name: NAME, uid: UID } }));
  stack.settle();
  const children = [...stack.children.values()].map(({ status: _, metadata, ...rest }) => {
    const { generation: __, resourceVersion: ___, ...kept } = metadata;
    return { ...rest, metadata: { ...kept, namespace: 'default' } } as KubeObject;
  });
  return [...children, ...children.flatMap(podsOf)];
}

function podsOf({ kind, metadata, spec }: KubeObject): KubeObject[] {
  if (kind !== 'StatefulSet' && kind !== 'Deployment') return [];
  const { replicas = 1, template } = spec as { replicas?: number; template: KubeObject };
  return Array.from({ length: replicas }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, name: `${metadata.name}-${index}`, namespace: 'default' },
    spec: { ...(template.spec as object), schedulerName: 'nobody', serviceAccountName: 'default' },
  }));
}

async function createStacks({ client }: ControlPlane): Promise<number> {
  const text = JSON.stringify(objectsOfStack());
  let next = 0;
  const create = async (index: number) => {
    const name = `shop-${index}`;
    const spec = { phoneNumber: `+1631${String(5_000_000 + index)}`, paused: true };
    const metadata = { name, namespace: 'default' };
    const { uid } = (
      await client.create({ apiVersion: API_VERSION, kind: KIND, metadata, spec }, manager, signal)
    ).metadata;
    const objects = JSON.parse(text.replaceAll(NAME, name).replaceAll(UID, String(uid))) as KubeObject[];
    // The network process is that of all stacks of the namespace.
    for (const object of objects)
      await client.create(object, manager, signal).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
  };
  const work = async () => {
    while (next < STACKS) await create(next++);
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return (JSON.parse(text) as unknown[]).length;
}

interface Operator {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly startedAt: number;
  metric(pattern: RegExp): Promise<number>;
  isReady(): Promise<boolean>;
}

/** What the operator finds in its pod: a token, and the CA of the API server. */
async function serviceAccount({ client, credentials }: ControlPlane): Promise<string> {
  const subject = { kind: 'ServiceAccount', name: 'default', namespace: 'default' };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'bench' },
  };
  await client.create({ ...binding, roleRef, subjects: [subject] }, manager, signal);
  const { status } = (await client.transport.request(
    {
      method: 'POST',
      path: `${resourcePath(kinds.ServiceAccount, 'default', 'default')}/token`,
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    },
    signal,
  )) as { status: { token: string } };
  const { tls } = await credentials.identity();
  const files = { token: status.token, 'ca.crt': String(tls.ca), namespace: 'default' };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

async function startOperator({ server }: ControlPlane, account: string): Promise<Operator> {
  const { hostname, port: apiPort } = new URL(server);
  const port = await freePort();
  const script = resolve('dist/images/waba-operator/usr/local/bin/waba-operator');
  // With the flags for Node.js that the image has.
  const [, flags = ''] = /^#!.* node ?(.*)$/m.exec(await readFile(script, 'utf8')) ?? [];
  const startedAt = performance.now();
  const child = spawnBound(
    [
      process.execPath,
      ...flags.split(' ').filter(Boolean),
      script,
      `--service-account-dir=${account}`,
      `--health-port=${port}`,
      '--log-level=error',
    ],
    {
      env: { ...process.env, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: apiPort },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
  return {
    child,
    pid: child.pid ?? 0,
    startedAt,
    isReady: async () => (await get('/readyz'))?.ok === true,
    metric: async (pattern) => {
      const text = (await (await get('/metrics'))?.text()) ?? '';
      const lines = text.split('\n').filter((line) => pattern.test(line));
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
  };
}

const RECONCILED = /^controller_runtime_reconcile_total\{controller="workloads"/;
const QUEUED = /^workqueue_depth\{.*name="workloads"/;

/** Until it has looked at each stack, and nothing waits. */
async function looked(operator: Operator): Promise<void> {
  await until(
    'the first look at each stack',
    async () => (await operator.metric(RECONCILED)) >= STACKS && (await operator.metric(QUEUED)) === 0,
    100,
  );
}

async function stop({ child }: Operator): Promise<void> {
  child.kill('SIGTERM');
  await exited(child);
}

const folder = await mkdtemp(join(tmpdir(), 'waba-bench-many-'));
let plane: ControlPlane | undefined;
try {
  const progress = createProgress(process.stderr);
  const programs = await findPrograms(
    { env: process.env, progress, sourceFolder: 'src/local/kubernetes' },
    signal,
  );
  // Nothing but the operator looks at the objects.
  const others = ['statefulset', 'deployment', 'replicaset', 'job', 'disruption'];
  plane = await startControlPlane(
    {
      programs,
      folder,
      serviceCidr: '10.0.0.0/12',
      clock: systemClock,
      extraFlags: {
        'kube-controller-manager': [`--controllers=${others.map((name) => `-${name}-controller`).join(',')}`],
      },
    },
    signal,
  );
  const { client } = plane;
  for (const file of await readdir('crds'))
    await client.create(load(await readFile(`crds/${file}`, 'utf8')) as KubeObject, manager, signal);
  await until(
    'the CRDs',
    () =>
      client
        .list(WhatsAppDeploymentKind, { namespace: 'default' }, signal)
        .then(() => true)
        .catch(() => false),
    200,
  );
  note(`creating ${STACKS} stacks`);
  const objects = await createStacks(plane);
  const account = await serviceAccount(plane);
  note('first start: it writes the status of each stack');
  const first = await startOperator(plane, account);
  await looked(first);
  await stop(first);
  note('second start');
  const operator = await startOperator(plane, account);
  await until('ready', operator.isReady, 10);
  const syncedMs = performance.now() - operator.startedAt;
  await looked(operator);
  const lookedMs = performance.now() - operator.startedAt;
  const cpuMs = ownCpuSeconds(operator.pid) * 1000;
  await new Promise((done) => setTimeout(done, REST_MS));
  printTable([
    [`stacks, and objects of each`, `${STACKS}, ${objects}`],
    ['start of the process to synced', `${(syncedMs / 1000).toFixed(2)} s`],
    ['start of the process to a look at each stack', `${(lookedMs / 1000).toFixed(2)} s`],
    ['CPU until then', `${(cpuMs / 1000).toFixed(2)} s`],
    ['RSS at rest', `${Math.round(residentBytes(operator.pid) / 1024 ** 2)} MB`],
  ]);
  await stop(operator);
} finally {
  await plane?.stop();
  await rm(folder, { recursive: true, force: true });
}
