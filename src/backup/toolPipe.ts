import { setMaxListeners } from 'node:events';
import { constants, open } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Clock, sleep } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import { eitherSignal } from '../base/eitherSignal.ts';
import { CONTAINERS } from './contract/contract.ts';
import { PIPE_FILES, type ToolAction } from './contract/dumpScript.ts';
import { PipeReader } from './pipeReader.ts';

export interface ToolPipeOptions {
  readonly folder: string;
  /** How long the script may take to start. */
  readonly startMs: number;
  /** How long the script may be silent after it started. */
  readonly silenceMs: number;
  readonly clock: Clock;
}

const BEAT_MS = 1_000;
const POLL_MS = 50;
const NAMES = { dump: 'DumpFailed', restore: 'RestoreFailed' } as const;
const openFile = promisify(open);

/** The agent's end of the folder that it shares with the script of dumpScript.ts. */
export class ToolPipe {
  readonly #options: ToolPipeOptions;
  readonly #action: ToolAction;
  readonly #over = new AbortController();
  /** Fires when the script is dead. */
  readonly #dead = new AbortController();
  readonly #heart: Promise<void>;

  private constructor(options: ToolPipeOptions, action: ToolAction) {
    this.#options = options;
    this.#action = action;
    setMaxListeners(0, this.#dead.signal);
    this.#heart = this.#beat().catch(() => {});
  }

  /**
   * Asks the script for runs of the tool, one for each line of `lines`.
   * @param tls mode of the connection, in the words of libpq
   */
  static async open(
    options: ToolPipeOptions,
    action: ToolAction,
    tls: string,
    lines: readonly (readonly string[])[],
  ): Promise<ToolPipe> {
    const text = [[action, tls], ...lines].map((words) => `${words.join(' ')}\n`).join('');
    await leave(options.folder, PIPE_FILES.work, text);
    return new ToolPipe(options, action);
  }

  /** What the tool calls itself. */
  async version(signal: AbortSignal): Promise<string> {
    return (await this.#waitFor(PIPE_FILES.version, signal)).trim();
  }

  /**
   * What run `number` of the tool writes. The stream ends only if the tool succeeded. A chunk is valid until the next one is
   * asked for. @throws CodedError `DumpFailed`
   */
  async *source(number: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const reader = new PipeReader(await this.#connect(number, constants.O_RDONLY, signal));
    const watched = this.#watched(number, reader, signal);
    try {
      yield* reader.chunks();
    } catch (error) {
      signal.throwIfAborted();
      if (watched.failure) throw watched.failure;
      // What the tool said is worth more than what the pipe says.
      await this.#succeeded(number, signal);
      throw error;
    } finally {
      watched.release();
      reader.destroy();
    }
    await this.#succeeded(number, signal);
  }

  /** Feeds run `number` of the tool, and waits until it succeeded. @throws CodedError `RestoreFailed`, or that of `content` */
  async feed(number: number, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const fd = await this.#connect(number, constants.O_WRONLY, signal);
    // The event loop writes it, as a socket: writes to a file would each hold a thread.
    const socket = new Socket({ fd, readable: false, writable: true });
    const watched = this.#watched(number, socket, signal);
    let broken: Error | undefined;
    socket.on('error', (error) => {
      broken = error;
    });
    try {
      for await (const bytes of content) {
        if (broken) break;
        if (!socket.write(bytes)) await drained(socket);
      }
      if (!broken) await new Promise<void>((resolve) => void socket.end(resolve).once('close', resolve));
    } finally {
      watched.release();
      socket.destroy();
    }
    signal.throwIfAborted();
    if (watched.failure) throw watched.failure;
    await this.#succeeded(number, signal);
    if (broken) throw this.#failed(`the tool stopped reading: ${broken.message}`);
  }

  /** What the tool printed on run `number`, though it succeeded. */
  async complaints(number: number): Promise<string[]> {
    const text = (await readIfThere(this.#at(`${number}.${PIPE_FILES.errors}`))) ?? '';
    return text.split('\n').filter((line) => line.trim() !== '');
  }

  /** Ends the script too, if the work failed. */
  async close(hasFailed: boolean): Promise<void> {
    if (hasFailed) await giveUp(this.#options.folder);
    this.#over.abort();
    await this.#heart;
  }

  /** Shows that the agent lives, and watches whether the script does. */
  async #beat(): Promise<void> {
    const { clock, folder, startMs, silenceMs } = this.#options;
    let last = '';
    let heardMs = clock.monotonic();
    for (let beats = 1; ; beats++) {
      await leave(folder, PIPE_FILES.agentBeat, `${beats}\n`);
      const beat = (await readIfThere(this.#at(PIPE_FILES.toolBeat))) ?? '';
      const now = clock.monotonic();
      const limit = last === '' ? startMs : silenceMs;
      const failed = await readIfThere(this.#at(PIPE_FILES.toolFailed));
      if (failed !== undefined) this.#dead.abort(this.#failed(failed.trim()));
      else if (beat !== last || (await readIfThere(this.#at(PIPE_FILES.done))) !== undefined) {
        last = beat;
        heardMs = now;
      } else if (now - heardMs > limit) {
        const silence = Math.round((now - heardMs) / 1000);
        const what = last === '' ? 'did not start within' : 'ended, or has been silent for';
        this.#dead.abort(
          this.#failed(`the container ${CONTAINERS.dump} ${what} ${silence} s; see its state and its log`),
        );
      }
      await sleep(clock, BEAT_MS, this.#over.signal);
    }
  }

  /** The end of a named pipe. Opened without waiting: a thread that waits in open() could not be stopped. */
  #connect(number: number, mode: number, signal: AbortSignal): Promise<number> {
    const path = this.#at(`${number}.${PIPE_FILES.fifo}`);
    return this.#until(async () => {
      // It ended before it opened the pipe.
      if (await this.#hasFailed(number)) await this.#succeeded(number, signal);
      try {
        return await openFile(path, mode | constants.O_NONBLOCK);
      } catch (error) {
        // No pipe yet, or nobody who reads it.
        if (['ENOENT', 'ENXIO'].includes((error as { code?: string }).code ?? '')) return undefined;
        throw error;
      }
    }, signal);
  }

  /** Ends the connection when the script dies, the tool fails without a word, or `signal` fires. */
  #watched(number: number, end: { destroy(error: Error): void }, signal: AbortSignal) {
    const { signal: either, release } = eitherSignal(signal, this.#dead.signal);
    const watched: { failure?: Error; release: () => void } = {
      release: () => {
        over.abort();
        either.removeEventListener('abort', onAbort);
        release();
      },
    };
    const over = new AbortController();
    const onAbort = () => {
      if (this.#dead.signal.aborted) watched.failure = this.#dead.signal.reason as Error;
      end.destroy(either.reason as Error);
    };
    if (either.aborted) onAbort();
    else either.addEventListener('abort', onAbort, { once: true });
    const watch = async () => {
      while (!(await this.#hasFailed(number))) await sleep(this.#options.clock, BEAT_MS, over.signal);
      if (!over.signal.aborted) end.destroy(this.#failed('the tool failed'));
    };
    void watch().catch(() => {});
    return watched;
  }

  async #hasFailed(number: number): Promise<boolean> {
    const code = await readIfThere(this.#at(`${number}.${PIPE_FILES.exit}`));
    return code !== undefined && code.trim() !== '0';
  }

  /** @throws CodedError with the last words of the tool, if it failed or left no exit code */
  async #succeeded(number: number, signal: AbortSignal): Promise<void> {
    const code = (await this.#waitFor(`${number}.${PIPE_FILES.exit}`, signal)).trim();
    if (code === '0') return;
    const said = (await this.complaints(number)).at(-1) ?? 'it printed nothing';
    const ended =
      Number(code) > 128 ? `was ended by signal ${Number(code) - 128}` : `failed with code ${code}`;
    throw this.#failed(`the tool of run ${number} ${ended}: ${said}`);
  }

  #waitFor(file: string, signal: AbortSignal): Promise<string> {
    return this.#until(() => readIfThere(this.#at(file)), signal);
  }

  /** No limit of time: an import takes hours, and a script that is dead is found out by its silence. */
  async #until<T>(probe: () => Promise<T | undefined>, signal: AbortSignal): Promise<T> {
    const { signal: either, release } = eitherSignal(signal, this.#dead.signal);
    try {
      for (;;) {
        const value = await probe();
        if (value !== undefined) return value;
        await sleep(this.#options.clock, POLL_MS, either);
      }
    } finally {
      release();
    }
  }

  #failed(message: string): CodedError {
    return new CodedError(NAMES[this.#action], message, { retriable: true });
  }

  #at(file: string): string {
    return join(this.#options.folder, file);
  }
}

/** Ends the script, which may still wait for its work. There may be no script, and no folder. */
export const giveUp = (folder: string): Promise<void> =>
  leave(folder, PIPE_FILES.agentFailed, '1\n').catch(() => {});

const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    if (socket.destroyed) resolve();
    else socket.once('drain', done).once('close', done);
  });

/** By rename: whoever reads it sees all of it. */
async function leave(folder: string, name: string, text: string): Promise<void> {
  const file = join(folder, name);
  await writeFile(`${file}.new`, text, { mode: 0o644 });
  await rename(`${file}.new`, file);
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
}
