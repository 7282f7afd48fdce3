import type { ChildProcess } from 'node:child_process';
import { exited, spawnBound, terminate } from '../../base/childProcess.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { CodedError, describeError } from '../../base/codedError.ts';
import { eitherSignal } from '../../base/eitherSignal.ts';
import type { ContainerCommand } from './containerCommand.ts';
import { keepLog } from './containerLog.ts';
import type { Container, PodSpec } from './podTypes.ts';
import { type ProbeTarget, runCommand, watchProbe } from './probe.ts';

export type ContainerState =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | {
      readonly terminated: {
        readonly exitCode: number;
        readonly reason: string;
        readonly startedAt: string;
        readonly finishedAt: string;
        readonly signal?: number;
      };
    };

export interface ContainerRunnerOptions {
  readonly container: Container;
  readonly restartPolicy: NonNullable<PodSpec['restartPolicy']>;
  readonly prepare: () => Promise<ContainerCommand>;
  readonly logPath: (restart: number) => string;
  readonly podIP: string;
  readonly translatePort: (port: number) => number;
  readonly clock: Clock;
  readonly onChange: () => void;
}

/** The kubelet's back-off, 10 s doubling to 5 min, but starting at 1 s because people wait. */
const BACKOFF = { baseMs: 1_000, capMs: 300_000, resetAfterMs: 600_000 } as const;
const CONFIG_RETRY_MS = 1_000;
const STARTED_MS = 100;

/** Runs one container as a process: starts, probes and stops it, and restarts it by the policy of the pod. */
export class ContainerRunner {
  readonly #options: ContainerRunnerOptions;
  readonly #stop = new AbortController();
  #child: ChildProcess | undefined;
  #state: ContainerState = { waiting: { reason: 'PodInitializing' } };
  #lastState: ContainerState | undefined;
  #ready = false;
  #started = false;
  #restarts = 0;

  constructor(options: ContainerRunnerOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.container.name;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Resolves when the startup probe has passed; also after `stop`, which may come first. */
  async started(): Promise<void> {
    const { signal } = this.#stop;
    while (!this.#started && !signal.aborted)
      await sleep(this.#options.clock, STARTED_MS, signal).catch(() => {});
  }

  /** Whether it runs beside the containers of its pod, and says nothing about how that ends. */
  get isSidecar(): boolean {
    return this.#options.container.restartPolicy === 'Always';
  }

  /** The exit code, once the process has ended and will not be started again. */
  get finalExitCode(): number | undefined {
    return 'terminated' in this.#state ? this.#state.terminated.exitCode : undefined;
  }

  status(): Record<string, unknown> {
    const { name, image = '' } = this.#options.container;
    return {
      name,
      image,
      imageID: image,
      ready: this.#ready,
      started: this.#started,
      restartCount: this.#restarts,
      state: this.#state,
      ...(this.#lastState ? { lastState: this.#lastState } : {}),
    };
  }

  /** Runs until the restart policy ends it, or `stop`. */
  async run(): Promise<void> {
    const { clock, restartPolicy } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      const startedAt = clock.monotonic();
      const code = await this.#once();
      if (code === undefined || signal.aborted) return;
      if (restartPolicy === 'Never' || (restartPolicy === 'OnFailure' && code === 0)) return;
      if (clock.monotonic() - startedAt > BACKOFF.resetAfterMs) failures = 0;
      const delayMs = Math.min(BACKOFF.capMs, BACKOFF.baseMs * 2 ** failures++);
      this.#lastState = this.#state;
      this.#set({
        waiting: {
          reason: 'CrashLoopBackOff',
          message: `back-off ${Math.round(delayMs / 1000)}s restarting ${this.name}`,
        },
      });
      await sleep(clock, delayMs, signal).catch(() => {});
      this.#restarts += 1;
    }
  }

  async stop(graceMs: number): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    this.#ready = false;
    if (this.#child) await terminate(this.#child, { clock: this.#options.clock, graceMs });
  }

  /** Runs the process once. @returns its exit code; undefined if `stop` came before the start */
  async #once(): Promise<number | undefined> {
    const { clock, logPath, onChange } = this.#options;
    const command = await this.#prepare();
    if (!command) return undefined;
    const child = spawnBound([...command.argv], {
      env: command.env,
      ...(command.cwd ? { cwd: command.cwd } : {}),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    keepLog(logPath(this.#restarts), { stdout: child.stdout, stderr: child.stderr }, clock);
    this.#child = child;
    const startedAt = new Date(clock.now()).toISOString();
    this.#set({ running: { startedAt } });

    const life = new AbortController();
    const probes = this.#probe(command, child, life.signal);
    const { code, signal } = await exited(child);
    life.abort();
    await probes;
    this.#child = undefined;
    this.#ready = false;
    this.#started = false;
    const exitCode = code ?? 128 + (signal === 'SIGKILL' ? 9 : 15);
    this.#set({
      terminated: {
        exitCode,
        reason: exitCode === 0 ? 'Completed' : 'Error',
        startedAt,
        finishedAt: new Date(clock.now()).toISOString(),
      },
    });
    onChange();
    return exitCode;
  }

  /** Retries until the Secrets and ConfigMaps of the container exist; the status names the missing ones. */
  async #prepare(): Promise<ContainerCommand | undefined> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        return await this.#options.prepare();
      } catch (error) {
        const reason = error instanceof CodedError ? error.code : 'CreateContainerError';
        this.#set({ waiting: { reason, message: describeError(error) } });
        await sleep(this.#options.clock, CONFIG_RETRY_MS, signal).catch(() => {});
      }
    }
    return undefined;
  }

  async #probe(command: ContainerCommand, child: ChildProcess, life: AbortSignal): Promise<void> {
    const { container, clock, podIP, translatePort, onChange } = this.#options;
    const { startupProbe, readinessProbe, livenessProbe } = container;
    const target: ProbeTarget = {
      host: podIP,
      container,
      translatePort,
      exec: (words, timeoutMs) =>
        runCommand(command.enter(words as [string, ...string[]]), command.env, timeoutMs),
    };
    if (startupProbe) {
      const startup = new AbortController();
      const either = eitherSignal(life, startup.signal);
      let well = false;
      await watchProbe(
        { ...startupProbe, successThreshold: 1 },
        target,
        clock,
        (result) => {
          well = result;
          startup.abort();
        },
        either.signal,
      ).finally(either.release);
      if (life.aborted) return;
      if (!well) return void child.kill('SIGTERM');
    }
    this.#started = true;
    const setReady = (ready: boolean) => {
      if (life.aborted || this.#ready === ready) return;
      this.#ready = ready;
      onChange();
    };
    if (!readinessProbe) setReady(true);
    onChange();
    await Promise.all([
      readinessProbe ? watchProbe(readinessProbe, target, clock, setReady, life) : undefined,
      livenessProbe
        ? watchProbe(livenessProbe, target, clock, (alive) => void (alive || child.kill('SIGTERM')), life)
        : undefined,
    ]);
  }

  #set(state: ContainerState): void {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.#options.onChange();
  }
}
