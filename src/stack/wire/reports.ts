import * as z from 'zod';

/** One attempt to deliver a callback. */
export const callbackAttempt = z.object({
  at: z.number().meta({ description: 'epoch ms' }),
  url: z.string(),
  durationMs: z.number(),
  status: z.int().optional().meta({ description: 'of the answer; absent if there was none' }),
  /** What went wrong; absent for a 200. */
  problem: z.string().optional(),
  /** Beginning of the body of the answer. */
  answer: z.string().optional(),
});

/** What a node says of a callback: that it waits, and what became of each attempt. */
export const callbackReport = z.object({
  /** The key of its event, one for each callback of a number. */
  key: z.string(),
  /** JSON. */
  payload: z.string(),
  state: z.enum(['waiting', 'delivered', 'dropped']),
  attempt: callbackAttempt.optional(),
  /** Delay until the next attempt. */
  delayMs: z.number().optional(),
});
export type CallbackReport = z.output<typeof callbackReport>;

/** What a Webapp says of a call that it has answered. */
export const requestReport = z.object({
  at: z.number().meta({ description: 'epoch ms' }),
  method: z.string(),
  /** With the query. */
  path: z.string(),
  /** 0 if the connection was cut. */
  status: z.int(),
  durationMs: z.number(),
  /** Texts of the JSON bodies, shortened; absent for other content and for secrets. */
  body: z.string().optional(),
  answer: z.string().optional(),
});
export type RequestReport = z.output<typeof requestReport>;
