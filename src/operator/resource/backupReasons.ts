import type { Failure } from '../../backup/contract/contract.ts';
import type { Reason } from './conditions.ts';

/** Reasons of the conditions of a WhatsAppBackup that come before its Job, and around it. */
const own = {
  Completed: { means: 'The backup is at its destination, complete.' },
  Running: { means: 'The Job of the backup runs.' },
  Verifying: { means: 'A Job verifies the backup.' },
  Verified: {
    means: 'Every object was whole, and the databases were restored with the tables and rows that they had.',
  },
  Queued: { means: 'Another backup of the same stack runs; this one is next.' },
  DeploymentMissing: {
    means: 'The WhatsAppDeployment that `spec.deployment` names does not exist.',
    fix: 'Create it, or delete the WhatsAppBackup.',
  },
  NotConfigured: {
    means:
      'Neither the backup nor `spec.backup` of its WhatsAppDeployment says where to store it, or with which passphrase.',
    fix: 'Set the field that the message names.',
  },
  SecretMissing: {
    means: 'A Secret or key that the backup needs does not exist.',
    fix: 'Create the Secret with the key that the message names.',
  },
  Paused: {
    means: '`spec.paused` of the WhatsAppDeployment is true.',
    fix: 'Run `kubectl waba resume NAME`.',
  },
  Hibernated: {
    means: '`spec.hibernated` of the WhatsAppDeployment is true, and its database is stopped.',
    fix: 'Run `kubectl waba hibernate NAME --wake`; the backup begins when the database is ready.',
  },
  DatabaseNotReady: {
    means:
      'The database of the stack is not ready, or its schema is not there yet; the backup begins when it is.',
  },
  PodProblem: {
    means: 'The pod of the Job does not run. The message says why.',
    fix: 'Correct what the message names.',
  },
  JobDeleted: {
    means: 'Somebody deleted the Job before it ended.',
    fix: 'Create another WhatsAppBackup, or verify it again.',
  },
  JobFailed: {
    means: 'The Job ended without a result. The message holds what Kubernetes says.',
    fix: 'Read the log of its pods, and create another WhatsAppBackup or verify it again.',
  },
  Removing: { means: 'A Job removes the stored objects, because `spec.deletionPolicy` is Delete.' },
  RemovalFailed: {
    means: 'The stored objects could not be removed. The message says why.',
    fix: 'Correct what the message names and delete the Job to try again, or set `spec.deletionPolicy` to Retain, which keeps what is stored.',
  },
} as const satisfies Record<string, Reason>;

/** What a person does about a failure of the program that makes backups. */
const failures = {
  BadEnvironment: {
    means: 'The program of the backup does not understand what the operator tells it.',
    fix: 'Use the image of the stack that belongs to this version of the operator.',
  },
  BackupExists: {
    means: 'The destination holds a complete backup of this name.',
    fix: 'Create a WhatsAppBackup with another name.',
  },
  BackupNotFound: {
    means: 'The destination holds no backup of this name.',
    fix: 'Look for it at `status.location`: somebody moved or deleted it. Make another backup.',
  },
  BackupIncomplete: {
    means: 'The backup at the destination lacks an object.',
    fix: 'Make another backup at once, and find out who deletes at the destination.',
  },
  BackupCorrupted: {
    means: 'An object at the destination differs from what the backup stored.',
    fix: 'Make another backup at once, and check the storage: something changed or cut the object after it was written.',
  },
  BackupTooNew: {
    means: 'A newer release made the backup.',
    fix: 'Upgrade the operator.',
  },
  PassphraseWrong: {
    means: 'The passphrase does not open the backup.',
    fix: 'Put the passphrase with which the backup was made into the Secret that `encryptionSecretRef` names.',
  },
  DatabaseUnreachable: {
    means: 'The pod of the backup does not reach the database.',
    fix: 'Read the condition DatabaseReady of the WhatsAppDeployment, and look for a NetworkPolicy. For a verification, read the log of the container `server` of its pod.',
  },
  DatabaseMissing: { means: 'The database server has no database of the stack.' },
  DatabaseNotEmpty: { means: 'A database to restore into holds tables.' },
  DumpFailed: {
    means: 'The tool that dumps the database failed. The message holds its last line.',
    fix: 'Correct what the line names: often the rights of the user, or an image of another version than the server.',
  },
  RestoreFailed: { means: 'The tool that restores the database failed. The message holds its last line.' },
  MediaUnwritable: { means: 'The media volume has no space left, or refuses what is restored.' },
  DestinationFull: {
    means: 'The destination has no space left.',
    fix: 'Enlarge it, delete WhatsAppBackups with `deletionPolicy: Delete`, or lower `spec.backup.retention`.',
  },
  DestinationDenied: {
    means: 'The destination refuses the credentials or the write.',
    fix: 'Correct the Secret that `destination.s3.credentialsSecretRef` names, the policy of the bucket, or the owner of the volume.',
  },
  DestinationUnreachable: {
    means: 'The destination does not answer.',
    fix: 'Correct `destination.s3.endpoint`, or look for a firewall or a NetworkPolicy.',
  },
  DestinationNotFound: {
    means: 'The bucket or the folder does not exist.',
    fix: 'Create it, or correct `destination`.',
  },
  Stopped: { means: 'The pod of the backup was stopped.', fix: 'Create another WhatsAppBackup.' },
  Unexpected: {
    means: 'The program of the backup failed with an error that has no reason of its own.',
    fix: 'Read the log of its pod.',
  },
} as const satisfies Record<Failure, Reason>;

export const backupReasons = { ...own, ...failures } as const;
export type BackupReason = keyof typeof backupReasons;
