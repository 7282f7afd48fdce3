import { createServer, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { listen } from '../../src/base/ports.ts';
import type { Protocol } from '../../src/stack/wire/protocol.ts';
import { RpcClient } from '../../src/stack/wire/rpcClient.ts';
import { type RpcServer, serveRpc } from '../../src/stack/wire/rpcServer.ts';
import { connectFrames } from './target.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const host = '127.0.0.1';
const { signal } = new AbortController();

const protocol = {
  name: 'fuzzed',
  version: 1,
  calls: { add: { request: z.object({ a: z.int(), b: z.int() }), response: z.object({ sum: z.int() }) } },
  events: { told: z.object({ what: z.string() }) },
} satisfies Protocol;

/** Parts of frames, in which a mutation is likely to still mean something. */
const frame = fc.oneof(
  fc.record(
    { id: fc.oneof(fc.nat(5), fc.anything()), call: fc.string(), body: fc.jsonValue() },
    { requiredKeys: [] },
  ),
  fc.record({ id: fc.nat(5), call: fc.constant('add'), body: fc.record({ a: fc.jsonValue(), b: fc.nat() }) }),
  fc.record(
    { id: fc.nat(5), ok: fc.boolean(), body: fc.jsonValue(), code: fc.jsonValue() },
    { requiredKeys: [] },
  ),
  fc.record({ hello: fc.oneof(fc.jsonValue(), fc.record({ version: fc.integer(), oldest: fc.integer() })) }),
  fc.record({ event: fc.constantFrom('told', 'other'), body: fc.jsonValue() }),
  fc.jsonValue(),
);
const line = fc.oneof(
  {
    weight: 5,
    arbitrary: frame.map(
      (value) => JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? 0 : inner)) ?? 'null',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.nat(20_000).map((levels) => '['.repeat(levels)) },
);
/** What a stranger writes: lines, cut into pieces at any place, and maybe the last one without an end. */
const stream = fc.record({
  lines: fc.array(line, { maxLength: 8 }),
  ends: fc.boolean(),
  pieces: fc.array(fc.nat(400), { maxLength: 6 }),
});

function piecesOf({ lines, ends, pieces }: { lines: string[]; ends: boolean; pieces: number[] }): Buffer[] {
  const bytes = Buffer.from(lines.join('\n') + (ends ? '\n' : ''));
  const cuts = [0, ...pieces.map((at) => Math.min(at, bytes.length)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

async function write(socket: Socket, pieces: readonly Buffer[]): Promise<void> {
  socket.on('error', () => {});
  for (const piece of pieces) {
    if (piece.length > 0 && socket.writable) socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const unhandled: unknown[] = [];
const onUnhandled = (error: unknown) => unhandled.push(error);
let server: RpcServer;
beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled);
  const handlers = { add: async ({ a, b }: { a: number; b: number }) => ({ sum: a + b }) };
  server = await serveRpc(protocol, handlers, { host, port: 0, logger: silentLogger });
});
afterAll(async () => {
  process.off('unhandledRejection', onUnhandled);
  await server.close();
});

const connect = (port: number, onEvent = () => {}) =>
  RpcClient.connect(protocol, { host, port, clock: systemClock, onEvent }, signal);

describe('frames', () => {
  it(`of strangers leave a server at work (seed ${SEED})`, async () => {
    const friend = await connect(server.port);
    await fc.assert(
      fc.asyncProperty(stream, async (content) => {
        const socket = await connectFrames({ host, port: server.port });
        await write(socket, piecesOf(content));
        expect(await friend.call('add', { a: 1, b: 2 }, signal)).toEqual({ sum: 3 });
        socket.destroy();
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    friend.close();
    expect(unhandled).toEqual([]);
  }, 600_000);

  it(`of a strange server end a call, by an answer or an error (seed ${SEED})`, async () => {
    let pieces: Buffer[] = [];
    const strange: Server = createServer((socket) => {
      socket.resume();
      void write(socket, pieces).then(() => socket.end());
    });
    const port = await listen(strange, { host, port: 0 });
    await fc.assert(
      fc.asyncProperty(stream, async (content) => {
        pieces = piecesOf(content);
        const client = await connect(port);
        const outcome = await client.call('add', { a: 1, b: 2 }, signal, 5_000).then(
          ({ sum }) => Number.isInteger(sum),
          (error: unknown) => error instanceof Error,
        );
        client.close();
        expect(outcome).toBe(true);
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    await new Promise((resolve) => strange.close(resolve));
    expect(unhandled).toEqual([]);
  }, 600_000);
});
