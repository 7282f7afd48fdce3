import { type ChildProcess, execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs, promisify } from 'node:util';
import { spawnBound } from '../../src/base/childProcess.ts';
import { systemClock } from '../../src/base/clock.ts';
import { waitUntil } from '../../src/base/waitUntil.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { type ControlPlane, startControlPlane } from '../../src/local/controlPlane.ts';
import { findPrograms } from '../../src/local/programs.ts';
import { createProgress } from '../../src/local/progress.ts';

// Compares the engine with the two common alternatives, on one API server in one run. It prints figures and asserts none.
const { values } = parseArgs({
  allowPositionals: true,
  options: {
    pods: { type: 'string', default: '10000' },
    events: { type: 'string', default: '3000' },
    'events-per-second': { type: 'string', default: '100' },
    parents: { type: 'string', default: '1000' },
    children: { type: 'string', default: '30' },
    'idle-seconds': { type: 'string', default: '600' },
  },
});
const PODS = Number(values.pods);
const EVENTS = Number(values.events);
const RATE = Number(values['events-per-second']);
const [PARENTS, CHILDREN] = [Number(values.parents), Number(values.children)];
const IDLE_SECONDS = Number(values['idle-seconds']);
const NAMESPACE = 'bench';

const { signal } = new AbortController();
const note = (text: string) => void process.stderr.write(`${text}\n`);
const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
const epochMs = () => performance.timeOrigin + performance.now();

type Engine = 'ours' | 'client-node informer' | 'controller-runtime (Go)';
const ENGINES: readonly Engine[] = ['ours', 'client-node informer', 'controller-runtime (Go)'];
const AGENTS: Record<Engine, string> = {
  ours: 'bench-ours',
  'client-node informer': 'node',
  'controller-runtime (Go)': 'bench-go',
};
const table = new Map<string, Partial<Record<Engine, string>>>();
const record = (row: string, engine: Engine, value: string) =>
  table.set(row, { ...table.get(row), [engine]: value });

const folder = await mkdtemp(join(tmpdir(), 'waba-bench-engine-'));
const goProgram = join(folder, 'bench-go');
const auditLog = join(folder, 'audit.log');
let plane: ControlPlane | undefined;
try {
  note('building the controller in Go');
  await promisify(execFile)('go', ['build', '-trimpath', '-o', goProgram, '.'], {
    cwd: resolve('bench/engine/go'),
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' },
  });
  plane = await startPlane();
  const { client } = plane;
  await createNamespace(client, NAMESPACE);
  note(`creating ${PODS} pods`);
  await inParallel(PODS, 64, (index) => client.create(pod(index), { fieldManager: 'bench' }, signal));
  for (const engine of ENGINES) await benchPods(engine, plane);
  for (const engine of ['ours', 'controller-runtime (Go)'] as const) await benchFleet(engine, plane);
  await benchIdle(plane);
  print();
} finally {
  await plane?.stop();
  await rm(folder, { recursive: true, force: true });
}

async function startPlane(): Promise<ControlPlane> {
  const programs = await findPrograms(
    { env: process.env, progress: createProgress(process.stderr), sourceFolder: 'src/local/kubernetes' },
    signal,
  );
  const policy = join(folder, 'policy.yaml');
  await writeFile(
    policy,
    JSON.stringify({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived'],
      rules: [{ level: 'Metadata' }],
    }),
  );
  const audit = [`--audit-policy-file=${policy}`, `--audit-log-path=${auditLog}`, '--audit-log-mode=batch'];
  return startControlPlane(
    {
      programs,
      folder,
      serviceCidr: '127.96.0.0/16',
      clock: systemClock,
      extraFlags: { 'kube-apiserver': audit },
    },
    signal,
  );
}

async function createNamespace(client: KubeClient, name: string): Promise<void> {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  await client.create(namespace, { fieldManager: 'bench' }, signal);
}

/** A pod that no scheduler places, as large as the pods of a stack. */
function pod(index: number): KubeObject {
  const env = Array.from({ length: 25 }, (_, n) => ({
    name: `WA_SETTING_${n}`,
    value: `value-${index}-${n}`,
  }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${index}`, namespace: NAMESPACE, labels: { app: `app-${index % 100}` } },
    spec: {
      schedulerName: 'nobody',
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'main',
          image: 'registry.example.org/image:1',
          env,
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
          readinessProbe: { tcpSocket: { port: 443 } },
        },
      ],
      volumes: [{ name: 'data', emptyDir: {} }],
    },
  };
}

async function inParallel(
  count: number,
  workers: number,
  action: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: workers }, async () => {
      while (next < count) await action(next++);
    }),
  );
}

interface Told {
  readonly event: string;
  readonly ms?: number;
  readonly maxMs?: number;
  readonly longestCollectionMs?: number;
  readonly name?: string;
  readonly round?: string;
  readonly atMs?: number;
}

interface Contestant {
  readonly child: ChildProcess;
  readonly told: Told[];
  until(what: (told: readonly Told[]) => boolean, timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

function start(
  engine: Engine,
  mode: 'pods' | 'fleet',
  namespace: string,
  { kubeconfigPath }: ControlPlane,
): Contestant {
  const args = ['--config', kubeconfigPath, '--namespace', namespace, '--mode', mode];
  const child =
    engine === 'controller-runtime (Go)'
      ? spawnBound([goProgram, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
      : spawnBound(
          [
            process.execPath,
            // The operator runs with it too.
            ...(engine === 'ours' ? ['--max-semi-space-size=4'] : []),
            resolve('dist/bench-contestant.js'),
            '--engine',
            engine === 'ours' ? 'ours' : 'informer',
            ...args,
          ],
          { stdio: ['ignore', 'pipe', 'inherit'] },
        );
  const told: Told[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
    told.push(JSON.parse(line)),
  );
  return {
    child,
    told,
    until: async (what, timeoutMs) => {
      const isTold = () => {
        if (what(told)) return true;
        if (child.exitCode !== null) throw new Error(`${engine} ended`);
        return false;
      };
      const late = () => new Error(`${engine}: not within ${timeoutMs} ms`);
      await waitUntil(
        isTold,
        { clock: systemClock, everyMs: 20, timeoutMs, late },
        new AbortController().signal,
      );
    },
    stop: async () => {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await new Promise((done) => child.once('exit', done));
    },
  };
}

/** User and system time of a process, in milliseconds. */
function cpuMs({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function memoryMb({ pid }: ChildProcess, field: 'VmRSS' | 'VmHWM'): string {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return `${Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024)} MB`;
}

async function benchPods(engine: Engine, plane: ControlPlane): Promise<void> {
  note(`${engine}: ${PODS} pods, ${EVENTS} events`);
  const contestant = start(engine, 'pods', NAMESPACE, plane);
  const { child, told } = contestant;
  const spawnedAt = performance.now();
  await contestant.until((all) => all.some(({ event }) => event === 'synced'), 120_000);
  record(
    `start of the process to ${PODS} pods synced`,
    engine,
    `${((performance.now() - spawnedAt) / 1000).toFixed(2)} s`,
  );
  record(
    `sync alone`,
    engine,
    `${((told.find(({ event }) => event === 'synced')?.ms ?? 0) / 1000).toFixed(2)} s`,
  );
  await sleep(5000);
  record(`RSS with ${PODS} pods, at rest`, engine, memoryMb(child, 'VmRSS'));
  record(`RSS with ${PODS} pods, peak`, engine, memoryMb(child, 'VmHWM'));
  const loop = async (row: string) => {
    if (engine === 'controller-runtime (Go)') return record(row, engine, '—');
    const before = told.filter(({ event }) => event === 'loop').length;
    child.kill('SIGUSR2');
    await contestant.until((all) => all.filter(({ event }) => event === 'loop').length > before, 10_000);
    const { maxMs, longestCollectionMs } = told.filter(({ event }) => event === 'loop').at(-1) ?? {};
    const collection = `longest garbage collection ${longestCollectionMs?.toFixed(1)} ms`;
    return record(row, engine, `${maxMs?.toFixed(1)} ms (${collection})`);
  };
  await loop('longest event-loop block while syncing');

  const cpuBefore = cpuMs(child);
  const sentAt = await sendEvents(plane.client, engine, EVENTS);
  const cpu = cpuMs(child) - cpuBefore;
  const latencies = [...sentAt]
    .flatMap(([mark, at]) => {
      const heard = told.find(({ round }) => round === mark);
      return heard?.atMs === undefined ? [] : [heard.atMs - at];
    })
    .sort((a, b) => a - b);
  const quantile = (q: number) =>
    `${latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))]?.toFixed(1)} ms`;
  record('write sent to reconcile start, p50', engine, quantile(0.5));
  record('write sent to reconcile start, p99', engine, quantile(0.99));
  record('write sent to reconcile start, p99.9', engine, quantile(0.999));
  record('events seen', engine, `${latencies.length} of ${EVENTS}`);
  record('CPU per 1,000 events', engine, `${((cpu / EVENTS) * 1000).toFixed(0)} ms`);
  if (engine !== 'controller-runtime (Go)') {
    child.kill('SIGUSR2');
    await sendEvents(plane.client, `${engine} watched`, 500);
    await loop('longest event-loop block under events');
  }
  await contestant.stop();
}

/** Changes pods at the given rate. @returns the time at which each change was sent, by its mark */
async function sendEvents(client: KubeClient, prefix: string, count: number): Promise<Map<string, number>> {
  const sentAt = new Map<string, number>();
  const startedAt = performance.now();
  const writes: Promise<unknown>[] = [];
  for (let round = 0; round < count; round++) {
    await sleep(Math.max(0, startedAt + (round * 1000) / RATE - performance.now()));
    const name = `pod-${(round * 7919) % PODS}`;
    const mark = `${prefix}-${round}`;
    sentAt.set(mark, epochMs());
    const patch = { metadata: { annotations: { round: mark } } };
    writes.push(client.mergePatch(kinds.Pod, { namespace: NAMESPACE, name }, patch, signal));
  }
  await Promise.all(writes);
  await sleep(2000);
  return sentAt;
}

async function benchFleet(engine: Engine, plane: ControlPlane): Promise<void> {
  const namespace = `fleet-${ENGINES.indexOf(engine)}`;
  note(`${engine}: ${PARENTS} parents with ${CHILDREN} children`);
  await createNamespace(plane.client, namespace);
  await inParallel(PARENTS, 32, (index) =>
    plane.client.create(
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `parent-${index}`, namespace },
        data: { children: String(CHILDREN) },
      },
      { fieldManager: 'bench' },
      signal,
    ),
  );
  const contestant = start(engine, 'fleet', namespace, plane);
  const startedAt = performance.now();
  const parents = (told: readonly Told[]) =>
    new Set(told.filter(({ event }) => event === 'done').map(({ name }) => name)).size;
  await contestant.until((told) => parents(told) === PARENTS, 1_200_000);
  const seconds = (performance.now() - startedAt) / 1000;
  record(`fleet of ${PARENTS} × ${CHILDREN}, four workers`, engine, `${seconds.toFixed(1)} s`);
  record('children made per second', engine, `${Math.round((PARENTS * CHILDREN) / seconds)}`);
  await contestant.stop();
}

/** Runs all engines at the same time: none is busy, and the audit log tells their requests apart. */
async function benchIdle(plane: ControlPlane): Promise<void> {
  note(`idle for ${IDLE_SECONDS} s`);
  const contestants = ENGINES.map((engine) => start(engine, 'pods', NAMESPACE, plane));
  const watchers = contestants.filter((_, index) => ENGINES[index] !== 'controller-runtime (Go)');
  for (const contestant of contestants)
    await contestant.until((all) => all.some(({ event }) => event === 'synced'), 120_000);
  for (const { child } of watchers) child.kill('SIGUSR2');
  await sleep(10_000);
  const since = new Date();
  const cpuBefore = contestants.map(({ child }) => cpuMs(child));
  await sleep(IDLE_SECONDS * 1000);
  const until = new Date();
  for (const [index, engine] of ENGINES.entries()) {
    const { child } = contestants[index] as Contestant;
    record(`CPU in ${IDLE_SECONDS} idle seconds`, engine, `${cpuMs(child) - (cpuBefore[index] ?? 0)} ms`);
  }
  for (const contestant of contestants) await contestant.stop();
  await sleep(5000);
  const text = existsSync(auditLog) ? await readFile(auditLog, 'utf8') : '';
  const asked = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { userAgent?: string; verb: string; requestReceivedTimestamp: string })
    .filter(({ requestReceivedTimestamp: at }) => new Date(at) >= since && new Date(at) <= until);
  for (const engine of ENGINES) {
    const own = asked.filter(({ userAgent }) => userAgent?.startsWith(AGENTS[engine]));
    const reads = own.filter(({ verb }) => verb === 'get' || verb === 'list').length;
    const watches = own.filter(({ verb }) => verb === 'watch').length;
    record(
      `requests in ${IDLE_SECONDS} idle seconds`,
      engine,
      `${own.length - reads - watches} writes, ${reads} reads, ${watches} watches`,
    );
  }
}

function print(): void {
  const memory = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  const lines = [
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(Number(memory) / 1024 / 1024)} GiB; API server and etcd on the same machine.`,
    '',
    `| | ${ENGINES.join(' | ')} |`,
    `|---|${ENGINES.map(() => '---:').join('|')}|`,
    ...[...table].map(
      ([row, cells]) => `| ${row} | ${ENGINES.map((engine) => cells[engine] ?? '—').join(' | ')} |`,
    ),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
