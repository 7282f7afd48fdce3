import * as z from 'zod';
import { backupDestination, backupMedia, encryptionSecretRef } from './backupSpec.ts';
import { described, listOf, objectName, withRules } from './fields.ts';
import { condition } from './status.ts';
import { API_VERSION, objectMeta, parseStored } from './whatsAppDeployment.ts';

export const BACKUP_KIND = 'WhatsAppBackup';
export const BACKUP_PLURAL = 'whatsappbackups';
/** The names of its Jobs are longer, and must fit into a label. */
export const LONGEST_BACKUP_NAME = 52;
const MOST_VERIFICATIONS = 999;

const word = (maxLength: number, description: string) => described(description, z.string().max(maxLength));
const time = (description: string) => word(64, description);
const bytes = (description: string) => described(description, z.int().min(0));

/** All fields of `spec`. */
export const whatsAppBackupSpec = withRules(
  z.object({
    deployment: objectName('Name of the WhatsAppDeployment in the same namespace.'),
    destination: backupDestination.optional(),
    encryptionSecretRef: encryptionSecretRef.optional(),
    media: backupMedia.optional(),
    deletionPolicy: described(
      'What happens to the stored backup when this object is deleted: Retain keeps it, Delete removes it from the destination.',
      z.enum(['Retain', 'Delete']),
    ).default('Retain'),
    verification: z
      .object({
        attempt: described(
          'Increase this number to have the backup read, restored into a throw-away database, and counted. The verdict is in the condition Verified.',
          z.int().min(1).max(MOST_VERIFICATIONS),
        ),
      })
      .optional(),
  }),
  [
    {
      cel: ['deployment', 'destination', 'encryptionSecretRef', 'media']
        .map(
          (field) =>
            `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
        )
        .join(' && '),
      message:
        'a backup is made once, so only deletionPolicy and verification can change; create another WhatsAppBackup instead',
    },
  ],
);

/** How far a backup is. */
const BACKUP_PHASES = ['Pending', 'Running', 'Completed', 'Failed', 'Deleting'] as const;
export type BackupPhase = (typeof BACKUP_PHASES)[number];

export const whatsAppBackupStatus = z
  .object({
    observedGeneration: described('Last generation that the operator reconciled.', z.int().min(0)),
    phase: described('How far the backup is.', z.enum(BACKUP_PHASES)),
    conditions: described(
      'The conditions Complete and Verified, with their reasons.',
      z
        .array(condition)
        .max(8)
        .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
    ),
    startedAt: time('When the Job was created.'),
    completedAt: time('When the Job ended.'),
    location: word(1024, 'Where the objects of the backup are.'),
    storedBytes: bytes('Size at the destination.'),
    plainBytes: bytes('Size before encryption.'),
    progress: z
      .object({
        object: word(253, 'The object that is being written.'),
        bytes: bytes('How much of it has been written.'),
      })
      .partial(),
    databases: listOf(z.string().max(253), 64, 'Databases in the backup.').meta({
      'x-kubernetes-list-type': 'atomic',
    }),
    warnings: listOf(z.string().max(1024), 32, 'What the backup lacks.').meta({
      'x-kubernetes-list-type': 'atomic',
    }),
    engine: word(32, 'Engine of the database.'),
    version: word(64, 'Client version of the stack.'),
    verification: z
      .object({
        attempt: described(
          'The attempt that the condition Verified is about.',
          z.int().min(1).max(MOST_VERIFICATIONS),
        ),
        startedAt: time('When the Job of the attempt was created.'),
        completedAt: time('When the Job of the attempt ended.'),
      })
      .partial(),
    shards: described('Number of shards of the stack.', z.int().min(1).max(32)),
  })
  .partial();
export type WhatsAppBackupStatus = z.output<typeof whatsAppBackupStatus>;

const whatsAppBackup = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(BACKUP_KIND),
  metadata: objectMeta,
  spec: whatsAppBackupSpec,
  status: whatsAppBackupStatus.optional().catch(undefined),
});
export type WhatsAppBackup = z.output<typeof whatsAppBackup>;

/** Parses a stored backup. It fails only if the installed CRD is of another version than this code. */
export const parseWhatsAppBackup = parseStored(whatsAppBackup);

/** Adds the rules that read more than `spec`. */
export const backupRootRules = <S extends z.ZodType>(schema: S) =>
  withRules(schema, [
    {
      cel: `size(self.metadata.name) <= ${LONGEST_BACKUP_NAME}`,
      message: `metadata.name must have at most ${LONGEST_BACKUP_NAME} characters, because the name of the Job contains it`,
      onCreate: true,
    },
    {
      cel: "self.metadata.name.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
      message:
        'metadata.name must have only lower-case letters, digits and -, because the name of the Job contains it',
      onCreate: true,
    },
  ]);
