import * as z from 'zod';
import { apiCall, callPattern, isMeant } from '../wire/apiFault.ts';
import { FaultRules } from './faultRules.ts';

const trigger = {
  /** Share of the selected that the fault hits. */
  share: z.number().min(0).max(1).default(1),
  /** The same seed chooses the same ones; by default they differ from run to run. */
  seed: z.int().optional(),
  /** Hits only each nth of the selected. */
  every: z.int().min(1).optional(),
  /** How many the fault hits; no limit if absent. */
  times: z.int().min(1).optional(),
};
const delayMs = z.int().min(0).max(300_000).default(0);
const cloudCode = z.int().min(0).max(999_999);

/** What happens to the selected calls of the Graph API: a delay, and then at most one of `code`, `status`, `cut` and `failsWith`. */
export const graphFault = callPattern
  .omit({ webapp: true })
  .extend({
    ...trigger,
    delayMs,
    /** It answers with this error of the Cloud API. */
    code: cloudCode.optional(),
    /** Of that error. */
    subcode: z.int().optional(),
    /** It answers with an HTML page, like a proxy before it. */
    status: z.int().min(400).max(599).optional(),
    /** The connection is closed. */
    cut: z.boolean().optional(),
    /** Whether the call was served before `code`, `status` or `cut` take the place of its answer. */
    isServed: z.boolean().default(false),
    /** The message is accepted, and fails later with this code of the Cloud API. */
    failsWith: cloudCode.optional(),
    /** In `retry-after` of an error, seconds. */
    retryAfterSeconds: z.int().min(1).optional(),
  })
  .refine(
    ({ code, status, cut, failsWith }) =>
      [code, status, cut || undefined, failsWith].filter((effect) => effect !== undefined).length <= 1,
    'at most one of code, status, cut and failsWith',
  );
export type GraphFault = z.output<typeof graphFault>;

const graphCall = apiCall.omit({ webapp: true });
type GraphCall = z.output<typeof graphCall>;

/** What happens to the selected changes on their way to the webhook. */
export const webhookFault = z.strictObject({
  ...trigger,
  /** Only changes that tell of these. */
  kind: z.enum(['messages', 'statuses']).optional(),
  /** Only this status. */
  status: z.string().max(32).optional(),
  /** Digits of the person; any if absent. */
  person: z.string().max(32).optional(),
  delayMs,
  /** A further delay of up to so much, by chance: later changes overtake this one. */
  jitterMs: delayMs,
  /** How often it is posted beyond the first time. */
  repeats: z.int().min(0).max(100).default(0),
  /** It is never posted. */
  isLost: z.boolean().default(false),
});
export type WebhookFault = z.output<typeof webhookFault>;

/** A change on its way to the webhook. */
export interface FaultyChange {
  readonly kind: 'messages' | 'statuses' | undefined;
  readonly status: string | undefined;
  readonly person: string | undefined;
}

/** Faults of the Graph API: of its calls, and of its webhooks. */
export class GraphFaults {
  readonly calls: FaultRules<GraphFault, GraphCall>;
  readonly webhooks: FaultRules<WebhookFault, FaultyChange>;

  constructor(random: () => number) {
    this.calls = new FaultRules<GraphFault, GraphCall>(
      (fault, call) => isMeant(fault, { ...call, webapp: '' }),
      random,
    );
    this.webhooks = new FaultRules<WebhookFault, FaultyChange>(
      ({ kind, status, person }, change) =>
        (kind ?? change.kind) === change.kind &&
        (status ?? change.status) === change.status &&
        (person ?? change.person) === change.person,
      random,
    );
  }

  clear(): void {
    this.calls.set([]);
    this.webhooks.set([]);
  }
}
