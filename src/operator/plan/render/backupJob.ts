import {
  BACKUP_PROGRAM,
  type BackupFacts,
  type BackupVariable,
  CONTAINERS,
  EXIT_CODES,
  PIPE_PATH,
} from '../../../backup/contract/contract.ts';
import { dumpScript } from '../../../backup/contract/dumpScript.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { DEFAULT_ADMIN } from '../../../onprem/users.ts';
import type { BackupDestination } from '../../resource/backupSpec.ts';
import { managedEngines } from '../../resource/managedEngines.ts';
import { BACKUP_KIND, type WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import { API_VERSION, type WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { type BackupTask, backupFolder, backupJobName, backupLabels } from '../facts/backups.ts';
import { names, WEBAPP_CA_KEY } from '../facts/names.ts';
import { DATABASE_IMAGES, type ReleaseImages } from '../facts/release.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import type { PodRelease } from './nodeInputs.ts';
import { type EnvVar, restricted } from './podTemplate.ts';
import { databaseCertificates, databaseVariables } from './stackEnvironment.ts';

/** Tries before the Job counts as failed. */
const BACKOFF_LIMIT = 2;
/** Of a Job that hangs. */
const ACTIVE_DEADLINE_SECONDS = 12 * 60 * 60;
/** How long an ended Job stays, with the logs of its pods. */
const KEPT_SECONDS = 24 * 60 * 60;
const RESOURCES = {
  requests: { cpu: '100m', memory: '128Mi' },
  limits: { cpu: '2', memory: '512Mi' },
};

const PLACES = {
  destination: '/destination',
  credentials: '/credentials',
  authority: '/storage-ca',
  passphrase: '/passphrase',
  secrets: '/secrets',
  media: '/media',
} as const;

export interface BackupJobInput {
  readonly task: BackupTask;
  readonly backup: WhatsAppBackup;
  /** Absent for the removal of a backup whose stack is gone. */
  readonly stack: WhatsAppDeployment | undefined;
  readonly release: PodRelease;
  /** The images of this version of the operator: a stack with an external database has pinned none for it. */
  readonly offered: ReleaseImages;
  readonly destination: BackupDestination;
  readonly encryptionSecret: string;
  readonly media: boolean;
  /** Names of the Secrets that the backup contains. */
  readonly secrets: readonly string[];
  /** A name that the certificate of the Webapps bears. */
  readonly serverName: string | undefined;
}

/** A mounted volume. */
interface Mounted {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly source: Readonly<Record<string, unknown>>;
}

/** The Job that makes a backup, or removes one. The tool of the database's image dumps; our program does the rest. */
export function backupJob(input: BackupJobInput): KubeObject {
  const { task, backup, stack, release } = input;
  const { name, namespace, uid } = backup.metadata;
  const labels = backupLabels(name);
  const { pod, container: securityContext } = restricted();
  // No port is bound here.
  const { sysctls: _, ...podSecurity } = pod;
  const own = volumesOf(input);
  const pipe: Mounted = { name: 'pipe', mountPath: PIPE_PATH, source: { emptyDir: {} } };
  const dump = task === 'run' && stack ? dumpContainer(stack, input) : undefined;
  const certificates = dump && stack ? databaseCertificates(stack, release) : undefined;
  const mounts = (mounted: readonly Mounted[]) => [
    ...mounted.map(({ source: _, ...mount }) => mount),
    ...(certificates?.volumeMounts ?? []),
  ];
  const agent = {
    name: CONTAINERS.agent,
    image: release.stack,
    command: [BACKUP_PROGRAM, task],
    env: agentVariables(input),
    volumeMounts: mounts(dump ? [...own, pipe] : own),
    resources: RESOURCES,
    securityContext,
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: backupJobName(name, task),
      namespace,
      labels,
      ownerReferences: [
        {
          apiVersion: API_VERSION,
          kind: BACKUP_KIND,
          name,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      backoffLimit: BACKOFF_LIMIT,
      podFailurePolicy: {
        rules: [
          {
            action: 'FailJob',
            onExitCodes: { containerName: CONTAINERS.agent, operator: 'In', values: [EXIT_CODES.final] },
          },
        ],
      },
      activeDeadlineSeconds: ACTIVE_DEADLINE_SECONDS,
      ttlSecondsAfterFinished: KEPT_SECONDS,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          ...(stack ? { serviceAccountName: stack.metadata.name } : {}),
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          ...(stack?.spec.imagePullSecrets ? { imagePullSecrets: stack.spec.imagePullSecrets } : {}),
          securityContext: podSecurity,
          containers: [
            agent,
            ...(dump
              ? [{ ...dump, volumeMounts: mounts([pipe]), resources: RESOURCES, securityContext }]
              : []),
          ],
          volumes: [
            ...[...own, ...(dump ? [pipe] : [])].map(({ name, source }) => ({ name, ...source })),
            ...(certificates?.volumes ?? []),
          ],
        },
      },
    },
  };
}

function dumpContainer(stack: WhatsAppDeployment, { release, offered }: BackupJobInput) {
  return {
    name: CONTAINERS.dump,
    image: dumpImage(stack, release, offered),
    command: ['/bin/sh', '-c', dumpScript(databaseAddress(stack).engine)],
    env: databaseVariables(stack, release),
  };
}

/** An image with the tools of the engine. Of an external server nobody knows the version; new tools read old servers. */
function dumpImage({ spec }: WhatsAppDeployment, release: PodRelease, offered: ReleaseImages): string {
  if (spec.images?.database) return spec.images.database;
  const { managed, external } = spec.database;
  if (managed) return `${release.database}:${managed.version ?? release.databaseVersion}`;
  const engine = external?.engine ?? 'PostgreSQL';
  const { image, version } = managedEngines[engine];
  return `${offered[DATABASE_IMAGES[engine]] ?? image}:${version}`;
}

function volumesOf({
  task,
  stack,
  destination,
  encryptionSecret,
  media,
  secrets,
}: BackupJobInput): Mounted[] {
  const { claim, s3 } = destination;
  const secret = (name: string, secretName: string, mountPath: string, more: object = {}): Mounted => ({
    name,
    mountPath,
    readOnly: true,
    // The group of the pod reads it, and nobody else.
    source: { secret: { secretName, defaultMode: 0o440, ...more } },
  });
  const mediaClaim = stack && (stack.spec.media?.claimName ?? names(stack.metadata.name).mediaClaim);
  return [
    ...(claim
      ? [
          {
            name: 'destination',
            mountPath: PLACES.destination,
            source: { persistentVolumeClaim: { claimName: claim.name } },
          },
        ]
      : []),
    ...(s3 ? [secret('credentials', s3.credentialsSecretRef.name, PLACES.credentials)] : []),
    ...(s3?.caSecretRef
      ? [
          secret('storage-ca', s3.caSecretRef.name, PLACES.authority, {
            items: [{ key: s3.caSecretRef.key, path: 'ca.crt' }],
          }),
        ]
      : []),
    ...(task === 'run'
      ? [
          secret('passphrase', encryptionSecret, PLACES.passphrase),
          ...secrets.map((name, index) => secret(`secret-${index}`, name, `${PLACES.secrets}/${name}`)),
        ]
      : []),
    ...(task === 'run' && media && mediaClaim
      ? [
          {
            name: 'media',
            mountPath: PLACES.media,
            readOnly: true,
            source: { persistentVolumeClaim: { claimName: mediaClaim, readOnly: true } },
          },
        ]
      : []),
  ];
}

function agentVariables(input: BackupJobInput): EnvVar[] {
  const { task, backup, stack, release, destination } = input;
  const own: Partial<Record<BackupVariable, string>> = {
    ...placeVariables(destination),
    WABA_BACKUP_FOLDER: backupFolder(backup),
    WABA_BACKUP_NAME: backup.metadata.name,
    ...(task === 'run' && stack ? sourceVariables(input, stack) : {}),
  };
  return [
    ...(task === 'run' && stack ? databaseVariables(stack, release) : []),
    ...Object.entries(own).map(([name, value]) => ({ name, value })),
  ];
}

function placeVariables({ claim, s3 }: BackupDestination): Partial<Record<BackupVariable, string>> {
  if (!s3)
    return {
      WABA_BACKUP_DESTINATION: `file:${[PLACES.destination, claim?.path].filter(Boolean).join('/')}`,
    };
  return {
    WABA_BACKUP_DESTINATION: `s3://${[s3.bucket, s3.prefix].filter(Boolean).join('/')}`,
    ...(s3.endpoint ? { WABA_S3_ENDPOINT: s3.endpoint } : {}),
    WABA_S3_REGION: s3.region,
    WABA_S3_PATH_STYLE: s3.pathStyle ? '1' : '0',
    WABA_S3_CREDENTIALS_FOLDER: PLACES.credentials,
    ...(s3.caSecretRef ? { WABA_S3_CA_FILE: `${PLACES.authority}/ca.crt` } : {}),
  };
}

/** What the backup holds besides the dumps. */
function sourceVariables(
  { media, secrets, serverName }: BackupJobInput,
  stack: WhatsAppDeployment,
): Partial<Record<BackupVariable, string>> {
  const { name, namespace } = stack.metadata;
  const of = names(name);
  const { engine, prefix } = databaseAddress(stack);
  const facts: BackupFacts = {
    stack: name,
    namespace,
    engine,
    ...(stack.status?.client?.version ? { version: stack.status.client.version } : {}),
    ...(stack.status?.shards?.desired ? { shards: stack.status.shards.desired } : {}),
    ...(prefix ? { databasePrefix: prefix } : {}),
    number: masked(stack.spec.phoneNumber),
  };
  const isReachable =
    serverName !== undefined && secrets.includes(of.adminSecret) && secrets.includes(of.journal);
  // A declared admin has a password that no generated Secret holds.
  const isOwnAdmin = !stack.spec.users?.some((user) => user.name === DEFAULT_ADMIN.username);
  const port = stack.spec.service?.ports?.https ?? 443;
  return {
    WABA_BACKUP_PASSPHRASE_FILE: `${PLACES.passphrase}/passphrase`,
    WABA_BACKUP_FACTS: JSON.stringify(facts),
    WABA_BACKUP_SECRETS_FOLDER: PLACES.secrets,
    ...(media ? { WABA_BACKUP_MEDIA_FOLDER: PLACES.media } : {}),
    ...(isReachable && isOwnAdmin
      ? {
          WABA_API_URL: `https://${of.webapp}.${namespace}.svc${port === 443 ? '' : `:${port}`}`,
          WABA_API_CA_FILE: `${PLACES.secrets}/${of.journal}/${WEBAPP_CA_KEY}`,
          WABA_API_SERVER_NAME: serverName,
          WABA_API_USER: DEFAULT_ADMIN.username,
          WABA_API_PASSWORD_FILE: `${PLACES.secrets}/${of.adminSecret}/password`,
        }
      : {}),
  };
}

/** `+16*****0999`: enough to tell numbers apart. */
const masked = (number: string): string =>
  `${number.slice(0, 3)}${'*'.repeat(Math.max(0, number.length - 7))}${number.slice(-4)}`;
