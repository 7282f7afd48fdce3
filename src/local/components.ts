import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exited, spawnBound, terminate } from '../base/childProcess.ts';
import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import { waitUntil } from '../base/waitUntil.ts';
import type { ComponentName } from './componentFlags.ts';

export interface ComponentsOptions {
  /** Folder of the cluster: each program writes `logs/<name>.log` below it. */
  readonly folder: string;
  readonly command: (name: ComponentName) => readonly [string, ...string[]];
  readonly clock: Clock;
}

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 100;
const STOP_GRACE_MS = 10_000;

/** The running programs of a control plane. */
export class Components {
  readonly #options: ComponentsOptions;
  readonly #children = new Map<ComponentName, ChildProcess>();
  #stopping = false;
  #ended: ComponentName | undefined;
  #reportEnd: (name: ComponentName) => void = () => {};
  /** Resolves with its name when a program ends without having been stopped. */
  readonly failed = new Promise<ComponentName>((resolve) => {
    this.#reportEnd = resolve;
  });

  constructor(options: ComponentsOptions) {
    this.#options = options;
  }

  start(name: ComponentName): void {
    const { folder, command } = this.#options;
    const log = createWriteStream(join(folder, 'logs', `${name}.log`), { flags: 'a' });
    const child = spawnBound(command(name), { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    this.#children.set(name, child);
    void exited(child).then(() => {
      if (this.#stopping || this.#children.get(name) !== child) return;
      this.#ended = name;
      this.#reportEnd(name);
    });
  }

  /** Ends a program as a crash does. */
  async kill(name: ComponentName): Promise<void> {
    const child = this.#children.get(name);
    if (!child) throw new Error(`${name} is not running`);
    this.#children.delete(name);
    await terminate(child, { clock: this.#options.clock, graceMs: STOP_GRACE_MS, signal: 'SIGKILL' });
  }

  /** The program must be running. */
  signal(name: ComponentName, signal: NodeJS.Signals): void {
    const child = this.#children.get(name);
    if (!child?.kill(signal)) throw new Error(`${name} is not running`);
  }

  /** Stops the programs in reverse order of their start, so that none loses the one it talks to. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const child of [...this.#children.values()].reverse())
      await terminate(child, { clock: this.#options.clock, graceMs: STOP_GRACE_MS });
  }

  /**
   * Polls until `probe` is true; an error of the probe means "not yet".
   * @throws CodedError `ControlPlane`, with the end of the log of the program that failed
   */
  async waitFor(what: string, probe: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const look = async () => {
      if (this.#ended) throw await this.#failure(`${this.#ended} ended while starting`, this.#ended);
      return probe().catch(() => false);
    };
    const late = () =>
      this.#failure(`${what} is not ready after ${READY_TIMEOUT_MS / 1000} s`, 'kube-apiserver');
    await waitUntil(look, { clock, everyMs: POLL_MS, timeoutMs: READY_TIMEOUT_MS, late }, signal);
  }

  async #failure(problem: string, name: ComponentName): Promise<CodedError> {
    const path = join(this.#options.folder, 'logs', `${name}.log`);
    const text = await readFile(path, 'utf8').catch(() => '(no log)');
    const tail = text.trimEnd().split('\n').slice(-8).join('\n');
    const advice = /no space left/i.test(tail) ? '\nThe disk is full: free some space and try again.' : '';
    return new CodedError('ControlPlane', `${problem}. End of ${path}:\n${tail}${advice}`);
  }
}
