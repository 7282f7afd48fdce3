import * as z from 'zod';
import { backupDestination, encryptionSecretRef } from './backupSpec.ts';
import { described, objectName } from './fields.ts';

export const restoreFrom = described(
  'Begin with a backup instead of registering the number anew: with its database, its Secrets and its registration. It can be set only when the resource is created, and removed at any time.',
  z.object({
    backup: objectName('Name of the WhatsAppBackup. The object need not exist any more.'),
    namespace: objectName(
      'Namespace in which the backup was made. Default: that of this resource.',
    ).optional(),
    deployment: objectName(
      'Name of the WhatsAppDeployment that was backed up. Default: that of this resource.',
    ).optional(),
    destination: described(
      'Where the backup is stored. Default: `spec.backup.destination`.',
      backupDestination,
    ).optional(),
    encryptionSecretRef: described(
      'Secret with the `passphrase` of the backup. Default: `spec.backup.encryptionSecretRef`.',
      encryptionSecretRef,
    ).optional(),
  }),
);
