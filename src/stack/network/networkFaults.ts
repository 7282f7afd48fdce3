import { z } from 'zod';
import { failureCode } from './failureCode.ts';

const share = z.number().min(0).max(1).optional();

/** How bad the way to a number is; everything is well where nothing is said. */
export const networkFaults = z.strictObject({
  /** Every message waits this long. */
  latencyMs: z.int().min(0).max(60_000).optional(),
  /** Of the messages, this share is taken, and the connection is cut before the answer. */
  cutShare: share,
  /** Of the messages, this share is taken, and nothing is heard of it any more. */
  lossShare: share,
  /** Messages fail with this code. */
  failsWith: failureCode.optional(),
  /** Not all of them, but this share. */
  failShare: share,
});
export type NetworkFaults = z.output<typeof networkFaults>;
