import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import { freePort, requireFreePort } from '../base/ports.ts';
import { waitUntil } from '../base/waitUntil.ts';
import {
  type ClusterState,
  clusterFolder,
  freeIndex,
  isRunning,
  listStates,
  processStartTicks,
  readState,
  writeState,
} from './clusterState.ts';
import { findPrograms } from './programs.ts';
import type { Progress } from './progress.ts';
import { isRangeHeld } from './rangeLock.ts';

export interface LocalClusterOptions {
  readonly name: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly progress: Progress;
  /** Folder with the Go source of the control plane. */
  readonly sourceFolder: string;
  /** Command that runs the cluster in the background: `local daemon` with what it needs. */
  readonly daemonCommand: (name: string) => readonly [string, ...string[]];
}

export interface RunningCluster {
  readonly name: string;
  readonly server: string;
  readonly kubeconfig: string;
  readonly kubectl: string;
}

const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

/** Starts a cluster, or finds it running. Idempotent; after a crash it recovers with the same data. */
export async function up(
  options: LocalClusterOptions & { port?: number },
  signal: AbortSignal,
): Promise<RunningCluster> {
  const { name, env, clock, progress, sourceFolder } = options;
  const folder = clusterFolder(env, name);
  const programs = await findPrograms({ env, progress, sourceFolder }, signal);
  const known = await readState(folder);
  const describe = (state: ClusterState): RunningCluster => ({
    name,
    server: `https://127.0.0.1:${state.port}`,
    kubeconfig: join(folder, 'kubeconfig'),
    kubectl: programs.path('kubectl'),
  });
  if (known && isRunning(known) && known.phase === 'ready') {
    progress.note(`local cluster ${name} is running at ${describe(known).server}`);
    return describe(known);
  }

  const step = progress.step(`${known ? 'restarting' : 'starting'} local cluster ${name}`);
  try {
    await mkdir(join(folder, 'logs'), { recursive: true }).catch((cause: unknown) => {
      throw new CodedError('NoFolder', `cannot write to ${folder}; set XDG_DATA_HOME to another folder`, {
        cause,
      });
    });
    if (!known || !isRunning(known)) await startDaemon(options, folder, known);
    const state = await waitUntilReady(folder, clock, (message) => step.update(message), signal);
    step.done();
    return describe(state);
  } catch (error) {
    step.failed();
    throw error;
  }
}

/** Starts the background process of a cluster and records it in the state file. */
async function startDaemon(
  { name, env, port: wanted, daemonCommand }: LocalClusterOptions & { port?: number },
  folder: string,
  known: ClusterState | undefined,
): Promise<void> {
  const state: ClusterState = {
    name,
    index: known?.index ?? (await freeIndex(await listStates(env), process.getuid?.() ?? 0, isRangeHeld)),
    port: wanted ? await requireFreePort(wanted) : await usablePort(known?.port),
    phase: 'starting',
    message: 'starting',
  };
  await writeState(folder, state);
  const log = openSync(join(folder, 'logs', 'cluster.log'), 'a');
  const [program, ...args] = daemonCommand(name);
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: env as NodeJS.ProcessEnv,
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new CodedError('LocalCluster', `cannot start ${program}`);
  const started = { pid: child.pid, startTicks: processStartTicks(child.pid) ?? '' };
  await writeState(folder, { ...state, process: started });
}

/** The previous port if it is free, so that kubeconfigs stay valid. */
async function usablePort(known: number | undefined): Promise<number> {
  return known === undefined ? freePort() : requireFreePort(known).catch(() => freePort());
}

async function waitUntilReady(
  folder: string,
  clock: Clock,
  report: (message: string) => void,
  signal: AbortSignal,
): Promise<ClusterState> {
  const logs = join(folder, 'logs');
  let message = 'no state';
  const look = async () => {
    const state = await readState(folder);
    if (state?.phase === 'ready' && isRunning(state)) return state;
    const died = state !== undefined && state.process !== undefined && !isRunning(state);
    if (state?.phase === 'failed' || died) {
      throw new CodedError(
        'LocalCluster',
        `${state.phase === 'failed' ? state.message : 'the process of the cluster ended while starting'}\nlogs: ${logs}`,
      );
    }
    message = state?.message ?? message;
    report(state?.message ?? 'starting');
    return undefined;
  };
  const late = () =>
    new CodedError(
      'LocalCluster',
      `not ready after ${START_TIMEOUT_MS / 1000} s (${message}); logs: ${logs}`,
    );
  return waitUntil(look, { clock, everyMs: POLL_MS, timeoutMs: START_TIMEOUT_MS, late }, signal);
}

/** Stops a cluster and deletes all its files. It is no error if there is no such cluster. */
export async function down(
  options: Pick<LocalClusterOptions, 'name' | 'env' | 'clock' | 'progress'>,
  signal: AbortSignal,
): Promise<boolean> {
  const { name, env, clock, progress } = options;
  const folder = clusterFolder(env, name);
  const state = await readState(folder);
  if (!state) {
    progress.note(`there is no local cluster ${name}`);
    return false;
  }
  const step = progress.step(`removing local cluster ${name}`);
  if (state.process && isRunning(state)) {
    const { pid } = state.process;
    process.kill(pid, 'SIGTERM');
    const deadline = clock.monotonic() + STOP_TIMEOUT_MS;
    while (isRunning(state)) {
      if (clock.monotonic() > deadline) process.kill(pid, 'SIGKILL');
      await sleep(clock, POLL_MS, signal);
    }
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  step.done();
  return true;
}

export interface ClusterStatus {
  readonly name: string;
  readonly phase: ClusterState['phase'];
  readonly message: string;
  readonly server: string;
  readonly kubeconfig: string;
}

/** The status of one cluster, or of all. A cluster whose process has ended counts as stopped. */
export async function status(env: LocalClusterOptions['env'], name?: string): Promise<ClusterStatus[]> {
  const states = (await listStates(env)).filter((state) => name === undefined || state.name === name);
  return states.map((state) => {
    const stopped = state.process !== undefined && !isRunning(state) && state.phase !== 'failed';
    return {
      name: state.name,
      phase: stopped ? 'stopped' : state.phase,
      message: stopped ? '`kubectl waba local up` starts it again' : state.message,
      server: `https://127.0.0.1:${state.port}`,
      kubeconfig: join(clusterFolder(env, state.name), 'kubeconfig'),
    };
  });
}

/** @throws CodedError `NoSuchLog`, which lists the logs that exist */
export async function readLog(
  env: LocalClusterOptions['env'],
  name: string,
  component: string,
): Promise<string> {
  const path = join(clusterFolder(env, name), 'logs', `${component}.log`);
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CodedError(
      'NoSuchLog',
      `local cluster ${name} has no log of ${component}; choose one of ${LOGS.join(', ')}`,
      { cause },
    );
  });
}

export const LOGS = [
  'cluster',
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
] as const;
