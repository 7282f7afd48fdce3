import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { LEASE } from '../../src/engine/kube/leaderElection.ts';
import { freshNamespace, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/faultProxy.ts';

let folder: string;
let proxy: FaultProxy;
let client: KubeClient;
let namespace: string;
const running: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-leader-'));
  await build({
    entryPoints: ['test/support/leaderProcess.ts'],
    outfile: join(folder, 'leader.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['@kubernetes/client-node'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  client = await testClient();
  proxy = await startFaultProxy(await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') }));
  proxy.fault = ({ path }) => (path.includes('/slow?') ? { answerDelayMs: 60_000 } : {});
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await proxy.close();
  await rm(folder, { recursive: true });
});

interface Process {
  readonly child: ChildProcess;
  readonly reports: { event: string; atMs: number }[];
}

function start(identity: string): Process {
  const child = spawn(
    process.execPath,
    [join(folder, 'leader.mjs'), proxy.credentials.server, proxy.caPem, namespace, identity],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  running.push(child);
  const reports: Process['reports'] = [];
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    reports.push(...lines.map((line) => JSON.parse(line)));
  });
  return { child, reports };
}

const reported = ({ reports: all }: Process, event: string) => all.find((entry) => entry.event === event);
const events = ({ reports: all }: Process) => all.map(({ event }) => event);
/** Writes of a process that reached the proxy, except those of its lease. */
const writes = (identity: string) =>
  proxy.log.filter(
    ({ agent, method, path }) => agent === identity && method !== 'GET' && !path.includes('/leases'),
  );
const renewals = (identity: string) =>
  proxy.log.filter(
    ({ agent, method, path }) => agent === identity && method === 'PUT' && path.includes('/leases'),
  );

describe('two processes and one lease', () => {
  it('a killed leader is replaced once its lease has expired', async () => {
    namespace = await freshNamespace(client);
    const first = start('killed');
    await eventually(() => reported(first, 'leading'));
    const second = start('heir');
    await eventually(() => renewals('killed').length > 1);
    first.child.kill('SIGKILL');
    const leading = await eventually(() => reported(second, 'leading'), 30_000);
    // The kill may have cut off the last renewal, so this takes the one before it.
    const renewedAt = renewals('killed').at(-2)?.atMs ?? Number.NaN;
    expect(leading.atMs - renewedAt).toBeGreaterThan(LEASE.durationMs);
    await eventually(() => writes('heir').length > 5);
    expect(writes('killed').every(({ atMs }) => atMs < leading.atMs)).toBe(true);
    second.child.kill('SIGKILL');
  });

  it('a leader that is suspended beyond its lease writes nothing when it resumes, and drops calls in flight', async () => {
    namespace = await freshNamespace(client);
    const first = start('suspended');
    await eventually(() => reported(first, 'leading'));
    const second = start('successor');
    await eventually(() => writes('suspended').some(({ path }) => path.includes('/slow?')));
    await eventually(() => writes('suspended').length > 5);
    first.child.kill('SIGSTOP');
    const suspendedAt = Date.now();
    const lastRenewal = renewals('suspended').at(-1)?.atMs ?? suspendedAt;
    await eventually(() => reported(second, 'leading'), 30_000);
    await eventually(() => writes('successor').length > 5);
    first.child.kill('SIGCONT');
    const resumedAt = Date.now();
    await eventually(() => reported(first, 'lost'), 10_000);
    await eventually(() => first.child.exitCode !== null);

    // Bytes that were in the socket at the suspension still arrive, but no later request.
    const late = writes('suspended').filter(({ atMs }) => atMs > lastRenewal + LEASE.renewDeadlineMs + 500);
    expect(late).toEqual([]);
    expect(events(first)).toContain('aborted');
    expect(reported(first, 'aborted')?.atMs ?? 0).toBeGreaterThanOrEqual(resumedAt - 50);
    expect(events(first).at(-1)).toBe('refused NotLeader');
    const { data } = await client.get<KubeObject>(kinds.ConfigMap, namespace, 'work', never);
    expect(data).toMatchObject({ by: 'successor' });
    second.child.kill('SIGKILL');
  });
});
