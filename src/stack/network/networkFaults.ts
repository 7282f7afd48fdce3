import * as z from 'zod';
import { failureCode } from './failureCode.ts';

const share = z.number().min(0).max(1).optional();

/** Faults between a number and the network; an absent field means no such fault. */
export const networkFaults = z.strictObject({
  /** Delay of every message. */
  latencyMs: z.int().min(0).max(60_000).optional(),
  /** Share of messages that are accepted, but the connection is cut before the answer. */
  cutShare: share,
  /** Share of messages that are accepted and then lost. */
  lossShare: share,
  /** Messages fail with this code. */
  failsWith: failureCode.optional(),
  /** Share of messages that fail with `failsWith`; all if absent. */
  failShare: share,
});
export type NetworkFaults = z.output<typeof networkFaults>;
