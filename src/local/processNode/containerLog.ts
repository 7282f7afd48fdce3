import { createWriteStream, mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';

/** The part of a log to return, as in a request to the kubelet. */
export interface LogQuery {
  /** Only this many lines, from the end. */
  readonly tailLines?: number | undefined;
  /** Puts the time (RFC 3339) before each line. */
  readonly timestamps?: boolean;
  /** No lines before this time, in epoch milliseconds. */
  readonly sinceMs?: number | undefined;
}

/** Writes the output of a process to a file, in the format of container runtimes: `<time> stdout F <line>`. */
export function keepLog(
  path: string,
  streams: Readonly<Record<'stdout' | 'stderr', Readable | null>>,
  clock: Clock,
): void {
  mkdirSync(dirname(path), { recursive: true });
  const file = createWriteStream(path, { flags: 'a' });
  const inputs = Object.entries(streams).flatMap(([name, input]) => (input ? [{ name, input }] : []));
  let left = inputs.length;
  for (const { name, input } of inputs) {
    const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    lines.on('line', (line) => file.write(`${new Date(clock.now()).toISOString()} ${name} F ${line}\n`));
    lines.once('close', () => {
      left -= 1;
      if (left === 0) file.end();
    });
  }
}

/** Reads whole lines from `offset` on. @returns the lines, and the offset after them */
export async function readLog(
  path: string,
  offset: number,
  query: LogQuery,
): Promise<{ readonly text: string; readonly offset: number }> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.max(0, size - offset));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    const end = buffer.subarray(0, bytesRead).lastIndexOf('\n') + 1;
    const lines = buffer.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
    return { text: select(lines, query).join(''), offset: offset + end };
  } finally {
    await file.close();
  }
}

function select(lines: readonly string[], { tailLines, timestamps = false, sinceMs }: LogQuery): string[] {
  const recent = lines.flatMap((line) => {
    const [, time = '', text = ''] = /^(\S+) \S+ F (.*)$/s.exec(line) ?? [];
    if (sinceMs !== undefined && Date.parse(time) < sinceMs) return [];
    return [timestamps ? `${time} ${text}\n` : `${text}\n`];
  });
  return tailLines === undefined ? recent : recent.slice(recent.length - Math.min(tailLines, recent.length));
}
