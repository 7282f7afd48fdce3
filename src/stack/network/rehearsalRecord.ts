import * as z from 'zod';

/** What the rehearsal of a move from `/v1` to the Cloud API tells. */

/**
 * `ready`: the content is the same, and only what every call or webhook has around it is another. `differs`: the content is
 * another one, or the call is refused. `no-counterpart`: the Cloud API has nothing like it.
 */
const verdict = z.enum(['ready', 'differs', 'no-counterpart']);
export type Verdict = z.output<typeof verdict>;

const difference = z.object({
  part: z.enum(['body', 'answer']),
  change: z.enum(['changed', 'moved', 'removed', 'added']),
  from: z
    .string()
    .optional()
    .meta({ description: 'path in the shape of `/v1`; `[]` is any element of a list' }),
  to: z.string().optional().meta({ description: 'path in the shape of the Cloud API' }),
  fromValue: z.unknown().optional().meta({ description: 'of the first place where it differs' }),
  toValue: z.unknown().optional(),
  isEnvelope: z.boolean().meta({ description: 'it differs in every call or webhook in the same way' }),
});
export type Difference = z.output<typeof difference>;

/** A call, or the post of a webhook. */
const side = z.object({
  line: z.string().meta({ description: '`POST /v1/messages`; of the Cloud API below the version' }),
  status: z.int().optional(),
  body: z.unknown().optional(),
  answer: z.unknown().optional(),
});
export type Side = z.output<typeof side>;

export const rehearsalEvent = z.object({
  id: z.int().meta({ description: 'grows with each event' }),
  at: z.number().meta({ description: 'epoch ms' }),
  kind: z.enum(['call', 'callback', 'graph-call']).meta({
    description: 'a call of `/v1`, a callback of `/v1`, a call of the Cloud API',
  }),
  record: z.int().meta({ description: 'id of the call or callback in its own list' }),
  name: z.string().meta({ description: 'events of one name are counted together' }),
  verdict,
  /** Of a call of the Cloud API, the call of `/v1` that it is compared with. */
  v1: side.optional(),
  /** What it becomes, in order; of a call of the Cloud API, itself. */
  graph: z.array(side).readonly(),
  /** Of a call of the Cloud API: what the call in `v1` becomes, with which it is compared. */
  expected: side.optional(),
  differences: z.array(difference).readonly(),
  /** What the Cloud API refuses, or would refuse. */
  problems: z.array(z.string()).readonly(),
  remedies: z.array(z.string()).readonly(),
});
export type RehearsalEvent = z.output<typeof rehearsalEvent>;

const finding = z.object({
  kind: rehearsalEvent.shape.kind,
  name: z.string(),
  verdict,
  count: z.int(),
  /** Without those of the envelope. */
  differences: z.array(difference).readonly(),
  problems: z.array(z.string()).readonly(),
  remedies: z.array(z.string()).readonly(),
  first: rehearsalEvent.meta({ description: 'the first event, which may have left the list of events' }),
});
export type Finding = z.output<typeof finding>;

export const rehearsalReport = z.object({
  /** Of events. */
  counts: z.record(verdict, z.int()),
  skipped: z.int().meta({ description: 'calls and callbacks that were left out under a load' }),
  findings: z.array(finding).readonly().meta({ description: 'what has no counterpart first' }),
  envelope: z
    .array(difference.extend({ of: rehearsalEvent.shape.kind }))
    .readonly()
    .meta({ description: 'what differs in every call or webhook' }),
});
export type RehearsalReport = z.output<typeof rehearsalReport>;

/** The rehearsal, as the network sees it. */
export interface RehearsalSide {
  /** From now on everything is compared as it happens; what the logs hold already, at once. */
  follow(): void;
  /** The oldest first. */
  events(): readonly RehearsalEvent[];
  readonly lastId: number;
  report(): RehearsalReport;
}
