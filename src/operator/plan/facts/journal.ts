import { z } from 'zod';
import { pinnedRelease } from './release.ts';

/**
 * What can't be observed again. It lives in a Secret beside the data and is written, compare-and-swap, before
 * the call that must not be repeated.
 */
/** Hashes of something that a restart makes effective: `pending` before it is written, `applied` once the restart is ordered. */
const restartChange = z
  .object({ pending: z.string().optional(), applied: z.string().optional() })
  .default({});

export const journalSchema = z.object({
  /** Secrets that were made; one of them that is gone is lost, not new. */
  generated: z.array(z.string()).default([]),
  /** What of an operator's release the stack runs. */
  release: pinnedRelease.optional(),
  /** PEM of the authority that signs the Webapp's certificate, read once; of two while a certificate changes. */
  webappCa: z.string().optional(),
  /** The certificate that was uploaded for the Webapps: what it bears, when it ends (epoch ms), who signed it. */
  served: z
    .object({ names: z.array(z.string()), notAfter: z.number(), ca: z.string(), authority: z.string() })
    .optional(),
  /** Raised with each change that only a restart of the Coreapps makes effective. */
  coreappRestarts: z.int().default(0),
  /** The same for Webapps. */
  webappRestarts: z.int().default(0),
  /** The webhook CA, the settings that need a restart, the certificate of the Webapps. */
  webhookCa: restartChange,
  settings: restartChange,
  certificate: restartChange,
  /** Hash of everything that was declared when all of it was in place last: what differs then has drifted. */
  synced: z.string().optional(),
  /** The password of admin that was taken last, so that another one can be set. */
  adminPassword: z.string().optional(),
  /** Hashes of the passwords that were set, by user. */
  users: z.record(z.string(), z.string()).default({}),
  /** Hash of the two-step PIN that was set; it can't be read. */
  twoStepPin: z.string().optional(),
  /** Hash of the photo that was uploaded; what the stack shows may be scaled. */
  photo: z.string().optional(),
  /** Names of the media providers that were set, with hashes. */
  providers: z.record(z.string(), z.string()).default({}),
  shards: z.object({ retryNotBeforeMs: z.number().optional() }).default({}),
  /** Epoch ms when old messages and media were collected last. */
  collected: z.object({ messages: z.number().optional(), media: z.number().optional() }).default({}),
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

/** What a restart makes effective. */
export type RestartTopic = 'webhookCa' | 'settings' | 'certificate';

export const EMPTY_JOURNAL: Journal = journalSchema.parse({});
