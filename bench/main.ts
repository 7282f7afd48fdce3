import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { waitUntil } from '../src/base/waitUntil.ts';
import { KubeClient } from '../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../src/engine/kube/kubeObject.ts';
import { HttpsTransport } from '../src/engine/kube/transport.ts';
import { WhatsAppDeploymentKind } from '../src/operator/state/stackSources.ts';
import { benchEmulator } from './emulator.ts';
import { printTable } from './printTable.ts';
import { residentBytes } from './processCpu.ts';

// Prints the figures of one run on this machine, and asserts none.
const never = new AbortController().signal;
const STEADY_SECONDS = 30;
const NO_OP_ROUNDS = 200;

const home = await mkdtemp(join(tmpdir(), 'waba-bench-home-'));
const env = { ...process.env, XDG_DATA_HOME: home };
const cli = (...args: string[]) =>
  promisify(execFile)(process.execPath, [resolve('dist/kubectl-waba.js'), ...args], { env });
const timed = async (action: () => Promise<unknown>) => {
  const startedAt = performance.now();
  await action();
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
};
const rows: [string, string][] = [];
const note = (text: string) => void process.stderr.write(`${text}\n`);

try {
  note('quickstart');
  rows.push([
    'quickstart, no cluster yet (programs in the cache)',
    await timed(() => cli('quickstart', '--local', '--name', 'bench')),
  ]);
  rows.push(['quickstart again', await timed(() => cli('quickstart', '--local', '--name', 'bench'))]);
  const kubeconfig = join(home, 'waba-operator', 'clusters', 'bench', 'kubeconfig');
  const client = new KubeClient(
    new HttpsTransport({
      credentials: await kubeconfigCredentials(systemClock, { path: kubeconfig }),
      clock: systemClock,
      userAgent: 'bench',
    }),
  );
  note('apply to Ready');
  rows.push(['apply of the minimal resource to Ready', await timed(() => applyToReady(client))]);
  note('steady state');
  rows.push(...(await steadyState(client)));
} finally {
  await cli('quickstart', 'down', '--name', 'bench').catch(() => {});
  await rm(home, { recursive: true, force: true });
}
note('emulator');
rows.push(...(await benchEmulator()));
printTable(rows);

async function applyToReady(client: KubeClient): Promise<void> {
  const object: KubeObject = {
    apiVersion: 'waba-operator.dev/v1alpha1',
    kind: 'WhatsAppDeployment',
    metadata: { name: 'second', namespace: 'default' },
    spec: { phoneNumber: '+16315559999' },
  };
  await client.apply(object, { fieldManager: 'bench' }, never);
  const isReady = async () => {
    const { status } = await client.get<
      KubeObject & { status?: { conditions?: { type: string; status: string }[] } }
    >(WhatsAppDeploymentKind, 'default', 'second', never);
    return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  };
  const timeoutMs = 600_000;
  const late = () => new Error(`the second stack is not Ready after ${timeoutMs} ms`);
  await waitUntil(isReady, { clock: systemClock, everyMs: 100, timeoutMs, late }, never);
}

/** Writes, memory and CPU of the operator's process, from its metrics. */
async function steadyState(client: KubeClient): Promise<[string, string][]> {
  const { items } = await client.list<KubeObject & { status: { podIP: string } }>(
    kinds.Pod,
    { namespace: 'waba-operator-system' },
    never,
  );
  const address = items[0]?.status.podIP ?? '';
  const metrics = async () => {
    const text = await (await fetch(`http://${address}:8081/metrics`)).text();
    const sum = (pattern: RegExp) =>
      text
        .split('\n')
        .filter((line) => pattern.test(line))
        .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
    return {
      writes: sum(/^rest_client_requests_total\{.*method="(PATCH|POST|DELETE)"/),
      cpu: sum(/^process_cpu_seconds_total /),
      resident: sum(/^process_resident_memory_bytes /),
    };
  };
  await new Promise((done) => setTimeout(done, 5_000));
  const before = await metrics();
  await new Promise((done) => setTimeout(done, STEADY_SECONDS * 1000));
  const after = await metrics();
  // Nobody reads these annotations.
  for (let round = 0; round < NO_OP_ROUNDS; round++) {
    await client.mergePatch(
      WhatsAppDeploymentKind,
      { namespace: 'default', name: 'second' },
      { metadata: { annotations: { 'example.org/round': String(round) } } },
      never,
    );
  }
  await new Promise((done) => setTimeout(done, 3_000));
  const busy = await metrics();
  const perChange = ((busy.cpu - after.cpu) * 1000) / NO_OP_ROUNDS;
  return [
    [
      `API writes in ${STEADY_SECONDS} s of steady state, two stacks (the Lease aside)`,
      String(after.writes - before.writes),
    ],
    [
      'operator CPU in steady state, two stacks',
      `${(((after.cpu - before.cpu) / STEADY_SECONDS) * 100).toFixed(1)} % of a core`,
    ],
    ['operator CPU per change without effect', `${perChange.toFixed(1)} ms`],
    ['operator RSS', `${(residentOf(address) / 1024 / 1024).toFixed(0)} MB`],
  ];
}

function residentOf(address: string): number {
  const pids = execFileSync('pgrep', ['-f', 'bin/waba-operator'], { encoding: 'utf8' }).trim().split('\n');
  const pid = pids.find((candidate) =>
    readFileSync(`/proc/${candidate}/environ`, 'utf8').includes(`WABA_LOCAL_POD_IP=${address}`),
  );
  return residentBytes(Number(pid));
}
