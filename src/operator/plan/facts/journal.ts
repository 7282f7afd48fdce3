import * as z from 'zod';
import { restoredMedia } from '../../../backup/contract/contract.ts';
import { backupDestination } from '../../resource/backupSpec.ts';
import { pinnedRelease } from './release.ts';

/** Hashes of a value that needs a restart: `pending` before it is written, `applied` once the restart is requested. */
const restartChange = z
  .object({ pending: z.string().optional(), applied: z.string().optional() })
  .default({});

/** The rollout under way, or the last one. */
const rolloutEntry = z.object({
  /** Hash of what the stack rolls to. */
  target: z.string(),
  isActive: z.boolean(),
  /** Epoch ms of the start, or of the last restart. */
  progressAtMs: z.number(),
  /** The rollout made no progress within its deadline, so the operator restarts no ready pod for this target. */
  isStopped: z.boolean().default(false),
  /**
   * The pod that the operator restarted last, or is about to restart. The journal is written before the request, so two
   * processes never choose two pods.
   */
  ticket: z.object({ pod: z.string(), uid: z.string(), resourceVersion: z.string() }).optional(),
});
export type RolloutEntry = z.output<typeof rolloutEntry>;

/** The rotation of the managed database's password that is under way, or the last one. */
const rotationEntry = z.object({
  /** The value of `spec.database.managed.passwordRotation` that asked for it. */
  request: z.string(),
  /** Preparing: the other account gets a password. Switching: the pods get its login. Retiring: the old one is locked. */
  phase: z.enum(['Preparing', 'Switching', 'Retiring', 'Done']),
  /** While Preparing: the login that the pods will get. The password is made with the entry. */
  next: z.object({ username: z.string(), password: z.string().optional() }).optional(),
  /** While Switching and Retiring: the account that the pods had, and the hash of its login. */
  previous: z.object({ username: z.string(), login: z.string() }).optional(),
  /** Epoch ms of the end of the last one. */
  completedAtMs: z.number().optional(),
});
export type RotationEntry = z.output<typeof rotationEntry>;

/**
 * State that the operator cannot observe again. It lives in a Secret that is kept with the data, and is written with
 * compare-and-swap before the call that must not be repeated.
 */
export const journalSchema = z.object({
  /** The number of the stack. With a registration, the data belongs to it. Journals of older versions have none. */
  number: z.string().optional(),
  /** Secrets that the operator generated. If one does not exist, it was lost and must not be generated again. */
  generated: z.array(z.string()).default([]),
  /** The operator release whose images the stack runs. */
  release: pinnedRelease.optional(),
  /** The newest client version whose schema Job the operator started: the schema cannot go back. */
  schemaVersion: z.string().optional(),
  /** The schema that a schema Job completed last. The Job may be gone by now, and does not run again for it. */
  schemaDone: z.object({ schema: z.string(), credentials: z.string().optional() }).optional(),
  /** The credentials of the managed database. The server takes them from its Secret only when it creates its files. */
  databaseLogin: z.object({ username: z.string().optional(), password: z.string().optional() }).optional(),
  passwordRotation: rotationEntry.optional(),
  rollout: rolloutEntry.optional(),
  /** PEM of the authority that signs the Webapps' certificate; of two authorities while the certificate changes. */
  webappCa: z.string().optional(),
  /** The uploaded certificate of the Webapps: its names, its expiry (epoch ms), its authority, the hash of its key. */
  served: z
    .object({
      names: z.array(z.string()),
      notAfter: z.number(),
      ca: z.string(),
      authority: z.string(),
      key: z.string().optional(),
      /** Names besides those of the Service for which the operator signed it: `names` holds earlier ones too. */
      exposed: z.array(z.string()).optional(),
    })
    .optional(),
  /** Raised with each change that needs a restart of the Coreapps. */
  coreappRestarts: z.int().default(0),
  /** The same for Webapps. */
  webappRestarts: z.int().default(0),
  /** The webhook CA, the settings that need a restart, the certificate of the Webapps. */
  webhookCa: restartChange,
  settings: restartChange,
  certificate: restartChange,
  /** Hash of the declaration that the stack last matched: if it still holds, a difference is drift. */
  synced: z.string().optional(),
  /** Hashes of the values that the stack last matched, by path. A value stays when the resource no longer declares it. */
  matched: z.record(z.string(), z.string()).optional(),
  /** The password of admin that the stack accepted last, needed to set a new one. */
  adminPassword: z.string().optional(),
  /** The password that the operator was about to set: the stack may have taken it without an answer. */
  adminPasswordPending: z.string().optional(),
  /** Hashes of the passwords that the operator set, by user. */
  users: z.record(z.string(), z.string()).default({}),
  /** Hash of the two-step PIN that the operator set; the API cannot read it back. */
  twoStepPin: z.string().optional(),
  /** Hash of the uploaded photo; the stack may scale its copy. */
  photo: z.string().optional(),
  /** Hashes of the media providers that the operator set, by name. */
  providers: z.record(z.string(), z.string()).default({}),
  shards: z.object({ retryNotBeforeMs: z.number().optional(), failures: z.int().optional() }).default({}),
  /** Epoch ms of the last garbage collections. */
  collected: z.object({ messages: z.number().optional(), media: z.number().optional() }).default({}),
  registration: z
    .object({
      attempt: z.int(),
      phase: z.enum(['requesting', 'code-requested', 'refused', 'verifying', 'registered']),
      verifiedName: z.string().optional(),
      /** Hash of the code that was tried in this attempt. */
      codeTried: z.string().optional(),
      registeredAt: z.string().optional(),
      /** Epoch ms before which the operator repeats no call: the network said so, or the last one failed for now. */
      retryNotBeforeMs: z.number().optional(),
      /** Calls in a row that failed for now; each doubles the wait before the next. */
      failures: z.int().optional(),
      /** Epoch ms at which the operator sent the code. */
      triedAtMs: z.number().optional(),
      /** Epoch ms at which the stack confirmed the registration. */
      confirmedAtMs: z.number().optional(),
      /** Every declared shard was served once since this registration. */
      isServed: z.boolean().optional(),
      detail: z.string().optional(),
    })
    .optional(),
  /**
   * The backup that the stack began with. Until its databases are restored, no schema Job and no node starts; its media come
   * back beside the running stack.
   */
  restore: z
    .object({
      phase: z.enum(['Databases', 'Media', 'Done']),
      folder: z.string(),
      backup: z.string(),
      destination: backupDestination,
      encryptionSecret: z.string(),
      hasMedia: z.boolean(),
      /** What became of the media. */
      media: restoredMedia.optional(),
      /** Jobs that the operator has started, raised before each: a process that is behind must not start another. */
      jobs: z.int().default(0),
    })
    .optional(),
});
export type Journal = z.output<typeof journalSchema>;
export type RestoreEntry = NonNullable<Journal['restore']>;
export type RegistrationEntry = NonNullable<Journal['registration']>;

/** Changes that need a restart. */
export type RestartTopic = 'webhookCa' | 'settings' | 'certificate';

export const EMPTY_JOURNAL: Journal = journalSchema.parse({});
