import { writeFile } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import { CodedError, describeError } from '../base/codedError.ts';
import { type BackupResult, FAILURES, RESULT_LIMIT_BYTES } from './contract/contract.ts';

const EVERY_MS = 2_000;
/** The most of a message that fits into a result. */
const LONGEST_MESSAGE = 2_000;
const LONGEST_WARNING = 300;
const MOST_WARNINGS = 6;
const MOST_DATABASES = 20;

/** Tells how far the work is: at most one line in two seconds. */
export class Progress {
  readonly #print: (line: string) => void;
  readonly #clock: Clock;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(print: (line: string) => void, clock: Clock = systemClock) {
    this.#print = print;
    this.#clock = clock;
  }

  at(object: string, bytes: number): void {
    const now = this.#clock.monotonic();
    if (now - this.#lastMs < EVERY_MS) return;
    this.#lastMs = now;
    this.#print(JSON.stringify({ object, bytes }));
  }
}

/** What a command returns when it succeeded. */
export type Outcome = Omit<Extract<BackupResult, { ok: true }>, 'ok' | 'command' | 'durationMs'>;

/** The result as one line of less than 4,096 bytes: what is too long is cut, and says so. */
export function resultLine(result: BackupResult): string {
  const fitted = result.ok
    ? {
        ...result,
        warnings: bounded(result.warnings, MOST_WARNINGS).map((text) => cut(text, LONGEST_WARNING)),
        ...(result.databases ? { databases: bounded(result.databases, MOST_DATABASES) } : {}),
      }
    : { ...result, message: cut(result.message, LONGEST_MESSAGE) };
  const line = JSON.stringify(fitted);
  if (Buffer.byteLength(line) < RESULT_LIMIT_BYTES) return line;
  return JSON.stringify(
    result.ok ? { ...fitted, warnings: [], databases: [] } : { ...fitted, message: cut(result.message, 400) },
  );
}

const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;
const bounded = (texts: readonly string[], most: number): string[] =>
  texts.length <= most ? [...texts] : [...texts.slice(0, most - 1), `and ${texts.length - most + 1} more`];

export function failureOf(error: unknown): { code: string; message: string; retriable: boolean } {
  const code = error instanceof CodedError && Object.hasOwn(FAILURES, error.code) ? error.code : 'Unexpected';
  return { code, message: describeError(error), retriable: error instanceof CodedError && error.retriable };
}

/** Kubernetes shows this file as the message of the container; elsewhere it does not exist. */
export async function leaveResult(file: string, line: string): Promise<void> {
  await writeFile(file, line, { flag: file.startsWith('/dev/') ? 'r+' : 'w' }).catch(() => {});
}
