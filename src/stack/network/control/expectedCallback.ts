import * as z from 'zod';
import type { CallbackRecord } from '../callbackLog.ts';
import { difference } from '../partialMatch.ts';

/** A callback that a test waits for. */
export const expectedCallback = z.strictObject({
  /** Of the business; any if absent. */
  number: z.string().optional(),
  /** Part of the body: fields that are absent may be anything, and lists may have more elements. */
  matching: z.record(z.string(), z.unknown()).default({}),
  /** `delivered`: the receiver has answered it with 200. */
  state: z.enum(['any', 'delivered']).default('any'),
  /** Only callbacks with a greater id. */
  after: z.int().min(0).default(0),
  timeoutMs: z.int().min(0).max(60_000).default(5_000),
});
export type ExpectedCallback = z.output<typeof expectedCallback>;

/** Whether a callback is the expected one. */
export const isLike = (
  { number, matching, state, after }: ExpectedCallback,
  record: CallbackRecord,
): boolean =>
  record.id > after &&
  record.number === (number ?? record.number) &&
  (state === 'any' || record.state === state) &&
  difference(matching, record.body) === undefined;

/** So many of the callbacks that came are told. */
const TOLD = 5;

/** Why the expected callback may not have come: what came instead, and what the webhook answers. */
export function missedCallback(
  { number, matching, state, after, timeoutMs }: ExpectedCallback,
  all: readonly CallbackRecord[],
): string {
  const since = all.filter((record) => record.id > after && record.number === (number ?? record.number));
  const like = since.filter((record) => difference(matching, record.body) === undefined);
  const lines = [`no callback like ${JSON.stringify(matching)} within ${timeoutMs} ms`];
  if (like.length > 0)
    lines.push(`${like.length} like it came, but none is ${state}:`, ...told(like, lastAttempt));
  else if (since.length > 0)
    lines.push(
      `${since.length} others came, the latest of them:`,
      ...told(since, (record) => difference(matching, record.body) ?? ''),
    );
  else lines.push(`none came at all${after > 0 ? ` after callback ${after}` : ''}`);
  return lines.join('\n');
}

const told = (records: readonly CallbackRecord[], why: (record: CallbackRecord) => string): string[] =>
  records.slice(-TOLD).map((record) => `  ${record.id} ${JSON.stringify(record.body)}: ${why(record)}`);

function lastAttempt({ attempts }: CallbackRecord): string {
  const last = attempts.at(-1);
  return last
    ? `attempt ${attempts.length} to ${last.url}: ${last.problem ?? 'answered with 200'}`
    : 'it was not posted: the number has no webhook (settings.webhooks.url), or the receiver is busy';
}
