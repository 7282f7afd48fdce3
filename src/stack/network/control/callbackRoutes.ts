import * as z from 'zod';
import { sleep } from '../../../base/clock.ts';
import { type CallbackRecord, callbackRecord } from '../callbackLog.ts';
import type { Network } from '../network.ts';
import { ControlProblem, type ControlRoute, idIn, limitIn, numberIn, route } from './controlRoute.ts';
import { type ExpectedCallback, expectedCallback, isLike, missedCallback } from './expectedCallback.ts';

/** Of a replay: callbacks with the time of each since its beginning. */
const LONGEST_REPLAY_MS = 600_000;
const LARGEST_REPLAY_BYTES = 8 * 1024 * 1024;

const callbackList = z.object({
  callbacks: z.array(callbackRecord),
  lastId: z.int().meta({ description: 'of the newest callback of all; 0 if there was none' }),
  skipped: z.int().meta({ description: 'callbacks that were left out of this list under a load' }),
});

/** What the stack told the webhook. */
export const callbackRoutes: readonly ControlRoute[] = [
  route(
    {
      method: 'GET',
      path: '/callbacks',
      summary: 'The latest callbacks with attempts, answers and times, the oldest first',
      query: {
        number: 'of this business',
        api: 'v1 or graph',
        state: 'waiting, delivered or dropped',
        kind: 'statuses, messages, errors, media_items or services',
        containing: 'whose body holds this text',
        after: 'with a greater id',
        limit: 'the newest so many; 100 unless given, 2000 at most',
      },
      answer: callbackList,
    },
    async ({ query }, { callbacks }) => {
      const [number, api, state, kind, containing = ''] = [
        'number',
        'api',
        'state',
        'kind',
        'containing',
      ].map(query);
      const after = Number(query('after') ?? 0);
      const found = callbacks
        .all()
        .filter(
          (each) =>
            each.id > after &&
            each.number === (number ?? each.number) &&
            each.api === (api ?? each.api) &&
            each.state === (state ?? each.state) &&
            each.kind === (kind ?? each.kind) &&
            (containing === '' || JSON.stringify(each.body).includes(containing)),
        );
      return {
        callbacks: found.slice(-limitIn(query)),
        lastId: callbacks.lastId,
        skipped: callbacks.skipped,
      };
    },
  ),
  route(
    {
      method: 'GET',
      path: '/callbacks/:id',
      summary: 'One callback',
      answer: callbackRecord,
    },
    async (call, network) => known(idIn(call), network),
  ),
  route(
    {
      method: 'POST',
      path: '/callbacks/:id/redeliver',
      summary: 'Posts a callback again, as a new one',
      body: z.object({}),
      answer: callbackRecord,
      status: 201,
    },
    async (call, network) => {
      const { id, number, body, api } = known(idIn(call), network);
      if (api === 'graph') return network.redeliverGraph(number, body, id);
      return delivered(number, body, network, id);
    },
  ),
  route(
    {
      method: 'POST',
      path: '/callbacks/expect',
      summary: 'Waits until there is a callback like this, and answers with the first one; 404 if none comes',
      note: 'The answer 404 tells what came instead, and what is wrong with the webhook.',
      body: expectedCallback,
      answer: callbackRecord,
    },
    async ({ body, request }, network) => {
      const found = await firstLike(body, network, request.signal);
      if (found) return found;
      throw new ControlProblem(404, missedCallback(body, network.callbacks.all()));
    },
  ),
  route(
    {
      method: 'POST',
      path: '/numbers/:number/replay',
      summary: 'Posts recorded callbacks to the webhook, each at its time since the beginning',
      note: 'The body is what GET /numbers/{number}/recording answered, or any list of that form. The answer comes at the end.',
      body: z.looseObject({
        callbacks: z
          .array(z.object({ afterMs: z.number().min(0).max(LONGEST_REPLAY_MS), body: z.looseObject({}) }))
          .max(10_000),
        /** 2: twice as fast; 0: without pauses. */
        speed: z.number().min(0).max(1_000).default(1),
      }),
      largestBodyBytes: LARGEST_REPLAY_BYTES,
      answer: z.object({ posted: z.int() }),
    },
    async ({ body: { callbacks, speed }, request, ...call }, network) => {
      const number = numberIn(call, 'number');
      const { clock } = network;
      const startedMs = clock.monotonic();
      for (const { afterMs, body } of [...callbacks].sort((a, b) => a.afterMs - b.afterMs)) {
        const dueMs = speed === 0 ? 0 : startedMs + afterMs / speed - clock.monotonic();
        if (dueMs > 0) await sleep(clock, dueMs, request.signal);
        await delivered(number, body, network);
      }
      return { posted: callbacks.length };
    },
  ),
];

function known(id: number, { callbacks }: Network): CallbackRecord {
  const record = callbacks.find(id);
  if (record) return record;
  throw new ControlProblem(404, `there is no callback ${id}; GET /callbacks lists the latest`);
}

async function delivered(
  number: string,
  body: unknown,
  network: Network,
  redeliveryOf?: number,
): Promise<CallbackRecord> {
  const record = await network.deliver(number, JSON.stringify(body), redeliveryOf);
  if (record) return record;
  throw new ControlProblem(404, `no Coreapp of ${number} is connected, so nobody can post the callback`);
}

/** Undefined if none comes in time. */
async function firstLike(
  wanted: ExpectedCallback,
  { callbacks, notices, clock }: Network,
  signal: AbortSignal,
): Promise<CallbackRecord | undefined> {
  const there = callbacks.all().find((record) => isLike(wanted, record));
  if (there || wanted.timeoutMs === 0) return there;
  const over = new AbortController();
  let found: CallbackRecord | undefined;
  const stopWatching = notices.watch((notice) => {
    if (notice.about !== 'callback' || found || !isLike(wanted, notice)) return;
    found = callbacks.find(notice.id);
    over.abort();
  });
  const onAbort = () => over.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await sleep(clock, wanted.timeoutMs, over.signal).catch(() => {});
  } finally {
    stopWatching();
    signal.removeEventListener('abort', onAbort);
  }
  return found;
}
