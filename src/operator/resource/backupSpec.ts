import * as z from 'zod';
import { described, objectName, secretKeyRef, secretRef, withRules } from './fields.ts';
import { schedule } from './schedule.ts';

/** Parts of a path at a destination: none that a file system or an object store could misunderstand. */
const PATH = /^[A-Za-z0-9][-A-Za-z0-9._]*(\/[A-Za-z0-9][-A-Za-z0-9._]*)*$/;
const path = (description: string) => described(description, z.string().min(1).max(200).regex(PATH));
const BUCKET = /^[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$/;
const HTTPS_URL = /^https?:\/\/[^\s/?#]+\/?$/;
const REGION = /^[-a-zA-Z0-9]+$/;

const PLACES = ['claim', 's3'] as const;

export const backupDestination = described(
  'Where backups are stored. Set exactly one field.',
  withRules(
    z.object({
      claim: described(
        'A PersistentVolumeClaim in the same namespace. It should lie on other storage than the database.',
        z.object({
          name: objectName('Name of the PersistentVolumeClaim.'),
          path: path('Folder in the volume. Default: the root of the volume.').optional(),
        }),
      ).optional(),
      s3: described(
        'A bucket of S3-compatible storage.',
        z.object({
          bucket: described('Name of the bucket, which must exist.', z.string().min(3).max(63).regex(BUCKET)),
          prefix: path('Folder in the bucket. Default: the root of the bucket.').optional(),
          endpoint: described(
            'URL of the storage, such as `https://minio.example.com:9000`. Default: that of AWS in the region.',
            z.string().min(1).max(253).regex(HTTPS_URL),
          ).optional(),
          region: described('Region of the bucket.', z.string().min(1).max(64).regex(REGION)).default(
            'us-east-1',
          ),
          pathStyle: described(
            'Name the bucket in the path instead of the host name, as most servers other than AWS want it.',
            z.boolean(),
          ).default(false),
          credentialsSecretRef: secretRef(
            'Secret with `accessKeyId` and `secretAccessKey`, and `sessionToken` for temporary credentials.',
          ),
          caSecretRef: secretKeyRef('ca.crt', 'CA that signed the certificate of the storage.').optional(),
        }),
      ).optional(),
    }),
    [
      {
        cel: `[${PLACES.map((name) => `has(self.${name})`).join(', ')}].filter(set, set).size() == 1`,
        message: `set exactly one of ${PLACES.map((name) => `destination.${name}`).join(', ')}`,
        check: (destination) => PLACES.filter((name) => destination[name] !== undefined).length === 1,
      },
    ],
  ),
);
export type BackupDestination = z.output<typeof backupDestination>;

export const encryptionSecretRef = secretRef(
  'Secret with `passphrase`, which encrypts backups before they leave the pod. Keep a copy outside of the cluster: nobody can read a backup without it.',
);

export const backupMedia = described('Whether the media volume is part of a backup.', z.boolean());

const ZONE = /^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/;
export const timeZone = described(
  'Time zone of the schedule, such as `Europe/Berlin`.',
  z.string().min(1).max(64).regex(ZONE),
);

export const backupSpec = described(
  'Backups of the database, the Secrets and the settings of the stack. Each is a WhatsAppBackup.',
  z.object({
    schedule: schedule(
      'When the operator makes a backup, such as `0 3 * * *`. Without it, only those are made that somebody asks for.',
    ).optional(),
    timeZone: timeZone.default('UTC'),
    retention: described(
      'Which scheduled backups stay. The last good one always does.',
      z.object({
        count: described('Number of good backups.', z.int().min(1).max(365)).default(7),
        days: described(
          'Age in days after which a backup goes, if newer good ones are there.',
          z.int().min(1).max(3650),
        ).optional(),
      }),
    ).default({ count: 7 }),
    destination: backupDestination,
    encryptionSecretRef,
    media: backupMedia.default(false),
    suspend: described('Make no scheduled backups for now.', z.boolean()).default(false),
  }),
);
export type BackupSpec = z.output<typeof backupSpec>;
