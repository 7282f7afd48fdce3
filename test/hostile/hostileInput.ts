import type { Target } from './target.ts';

/** One input, and what the port must answer. */
export interface HostileInput {
  readonly name: string;
  /** @returns what came of it: a status with a code, `closed`, `ignored` */
  readonly send: (target: Target) => Promise<string>;
  readonly expected: RegExp;
}

/** Inputs of one endpoint or port. */
export interface HostileGroup {
  readonly name: string;
  readonly inputs: readonly HostileInput[];
}

export const DEEP = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
export const MB = 1024 * 1024;

/** A body of that many bytes that does not say how long it is. It can be sent again. */
export const endless = (bytes: number): Iterable<Buffer> => ({
  *[Symbol.iterator]() {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    for (let sent = 0; sent < bytes; sent += chunk.length) yield chunk;
  },
});

/** So many bodies, of which none ends before the others are sent. */
export function crowd(count: number, bytes: number): AsyncIterable<Buffer>[] {
  let arrived = 0;
  let release = () => {};
  const everybody = new Promise<void>((resolve) => {
    release = resolve;
  });
  const body = async function* (): AsyncIterable<Buffer> {
    yield* endless(bytes);
    arrived += 1;
    if (arrived === count) release();
    await everybody;
  };
  return Array.from({ length: count }, body);
}

/** The different outcomes of many inputs at once. */
export const outcomes = async (all: readonly Promise<string>[]): Promise<string> =>
  [...new Set(await Promise.all(all))].sort().join(', ');

/** `/v1/users/:username` with a value in place of each parameter. */
export const filled = (path: string, value: string): string => path.replace(/:[A-Za-z]+/g, value);

/** Values that no parameter of a path should have, as they stand in a path. */
export const HOSTILE_PARAMETERS = {
  'a NUL': '%00',
  'a line break': 'a%0d%0ab',
  'a path to elsewhere': '..%2f..%2f..%2fetc%2fpasswd',
  'a broken escape': '%zz%',
  'half a character': '%ed%a0%80',
  '6,000 characters': 'a'.repeat(6_000),
  'a property of every object': '__proto__',
  SQL: "x'%20or%20'1'='1",
} as const;

/** Texts in place of JSON bodies. */
export const HOSTILE_BODIES = {
  'broken JSON': '{"a":',
  'a text': '"text"',
  'a number': '5',
  'JSON of 200,000 levels': DEEP,
  'JSON of 50,000 levels in a field': `{"text":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
  'bytes that are no UTF-8': Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d]),
} as const;
