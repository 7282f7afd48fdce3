import { z } from 'zod';

/**
 * What can't be observed again. It lives in a Secret beside the data and is written, compare-and-swap, before
 * the call that must not be repeated.
 */
export const journalSchema = z.object({
  /** Secrets that were made; one of them that is gone is lost, not new. */
  generated: z.array(z.string()).default([]),
  /** PEM of the authority that signs the Webapp's certificate, read once. */
  webappCa: z.string().optional(),
  /** Raised with each change that only a restart of the Coreapps makes effective. */
  coreappRestarts: z.int().default(0),
  /** Hashes of the webhook CA: `pending` before it is uploaded, `applied` once the restart is ordered. */
  webhookCa: z.object({ pending: z.string().optional(), applied: z.string().optional() }).default({}),
  registration: z
    .object({
      attempt: z.int(),
      phase: z.enum(['requesting', 'code-requested', 'refused', 'verifying', 'registered']),
      verifiedName: z.string().optional(),
      /** Hash of the code that was tried in this attempt. */
      codeTried: z.string().optional(),
      registeredAt: z.string().optional(),
      /** Epoch ms before which the network refuses another request. */
      retryNotBeforeMs: z.number().optional(),
      detail: z.string().optional(),
    })
    .optional(),
});
export type Journal = z.output<typeof journalSchema>;
export type RegistrationEntry = NonNullable<Journal['registration']>;

export const EMPTY_JOURNAL: Journal = journalSchema.parse({});
