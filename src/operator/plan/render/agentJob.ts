import {
  BACKUP_PROGRAM,
  type BackupFacts,
  type BackupVariable,
  CONTAINERS,
  EXIT_CODES,
  PIPE_PATH,
} from '../../../backup/contract/contract.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { DEFAULT_ADMIN } from '../../../onprem/users.ts';
import type { BackupDestination } from '../../resource/backupSpec.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { names, WEBAPP_CA_KEY } from '../facts/names.ts';
import type { ReleaseImages } from '../facts/release.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import { agentTools } from './agentTools.ts';
import type { AgentWork, BackupContent } from './agentWork.ts';
import type { PodRelease } from './nodeInputs.ts';
import { type EnvVar, restricted } from './podTemplate.ts';

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

/** What the program works with, whatever it does. */
export interface AgentJobInput {
  readonly metadata: KubeObject['metadata'] & { readonly labels: Readonly<Record<string, string>> };
  /** Where the backup is below the destination. */
  readonly folder: string;
  readonly backup: string;
  /** Absent for the removal and the verification of a backup whose stack is gone. */
  readonly stack: WhatsAppDeployment | undefined;
  readonly release: PodRelease;
  /** The images of this version of the operator: a stack with an external database has pinned none for it. */
  readonly offered: ReleaseImages;
  readonly destination: BackupDestination;
  readonly encryptionSecret: string;
  readonly work: AgentWork;
}

/** A mounted volume. */
interface Mounted {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly source: Readonly<Record<string, unknown>>;
}

/** Our program does the work; where it needs the tools of the database, the database's image runs them beside it. */
export function agentJob(input: AgentJobInput): KubeObject {
  const { metadata, stack, release, work } = input;
  const { labels } = metadata;
  const { pod, container: securityContext } = restricted();
  // No port is bound here.
  const { sysctls: _, ...podSecurity } = pod;
  const own = volumesOf(input);
  const pipe: Mounted = { name: 'pipe', mountPath: PIPE_PATH, source: { emptyDir: {} } };
  const tools = agentTools(input);
  const { certificates, server } = tools ?? {};
  const mounts = (mounted: readonly Mounted[]) => [
    ...mounted.map(({ source: _, ...mount }) => mount),
    ...(certificates?.volumeMounts ?? []),
  ];
  const agent = {
    name: CONTAINERS.agent,
    image: release.stack,
    command: [BACKUP_PROGRAM, work.command],
    env: [...(tools?.variables ?? []), ...agentVariables(input)],
    volumeMounts: mounts(tools ? [...own, pipe] : own),
    resources: RESOURCES,
    securityContext,
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata,
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
          // A stack that is about to be restored has no ServiceAccount yet.
          ...(stack && work.command !== 'open' ? { serviceAccountName: stack.metadata.name } : {}),
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          ...(stack?.spec.imagePullSecrets ? { imagePullSecrets: stack.spec.imagePullSecrets } : {}),
          securityContext: podSecurity,
          ...(server ? { initContainers: [server.container] } : {}),
          containers: [
            agent,
            ...(tools
              ? [{ ...tools.container, volumeMounts: mounts([pipe]), resources: RESOURCES, securityContext }]
              : []),
          ],
          volumes: [
            ...[...own, ...(tools ? [pipe] : [])].map(({ name, source }) => ({ name, ...source })),
            ...(certificates?.volumes ?? []),
            ...(server?.volumes ?? []),
          ],
        },
      },
    },
  };
}

function volumesOf({ stack, destination, encryptionSecret, work }: AgentJobInput): Mounted[] {
  const { claim, s3 } = destination;
  const secret = (name: string, secretName: string, mountPath: string, more: object = {}): Mounted => ({
    name,
    mountPath,
    readOnly: true,
    // The group of the pod reads it, and nobody else.
    source: { secret: { secretName, defaultMode: 0o440, ...more } },
  });
  const reads = work.command === 'run' && work.media;
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
    ...(work.command === 'remove' ? [] : [secret('passphrase', encryptionSecret, PLACES.passphrase)]),
    ...(work.command === 'run'
      ? work.secrets.map((name, index) => secret(`secret-${index}`, name, `${PLACES.secrets}/${name}`))
      : []),
    ...(mediaClaim && (reads || work.command === 'restore-media')
      ? [
          {
            name: 'media',
            mountPath: PLACES.media,
            ...(reads ? { readOnly: true } : {}),
            source: {
              persistentVolumeClaim: { claimName: mediaClaim, ...(reads ? { readOnly: true } : {}) },
            },
          },
        ]
      : []),
  ];
}

function agentVariables(input: AgentJobInput): EnvVar[] {
  const { folder, backup, stack, destination, work } = input;
  const own: Partial<Record<BackupVariable, string>> = {
    ...placeVariables(destination),
    // The program creates its folder, and no destination: that may be a volume which is not mounted.
    WABA_BACKUP_FOLDER: [destination.claim?.path, folder].filter(Boolean).join('/'),
    WABA_BACKUP_NAME: backup,
    ...(work.command === 'remove' ? {} : { WABA_BACKUP_PASSPHRASE_FILE: `${PLACES.passphrase}/passphrase` }),
    ...(work.command === 'run' && stack ? sourceVariables(work, stack) : {}),
    ...(work.command === 'open' ? { WABA_BACKUP_READER_KEY: work.readerKey } : {}),
    ...(work.command === 'restore-media' ? { WABA_BACKUP_MEDIA_FOLDER: PLACES.media } : {}),
    ...(work.command === 'restore' && work.overwrite ? { WABA_BACKUP_OVERWRITE: '1' } : {}),
    ...(work.command === 'verify' ? { WABA_BACKUP_VERIFY_DATABASES: '1' } : {}),
  };
  return [
    // The C library would keep memory aside for each thread; the program shall need about 100 MB.
    { name: 'MALLOC_ARENA_MAX', value: '1' },
    ...Object.entries(own).map(([name, value]) => ({ name, value })),
  ];
}

function placeVariables({ s3 }: BackupDestination): Partial<Record<BackupVariable, string>> {
  if (!s3) return { WABA_BACKUP_DESTINATION: `file:${PLACES.destination}` };
  return {
    WABA_BACKUP_DESTINATION: `s3://${[s3.bucket, s3.prefix].filter(Boolean).join('/')}`,
    ...(s3.endpoint ? { WABA_S3_ENDPOINT: s3.endpoint } : {}),
    WABA_S3_REGION: s3.region,
    WABA_S3_PATH_STYLE: s3.pathStyle ? '1' : '0',
    WABA_S3_CREDENTIALS_FOLDER: PLACES.credentials,
    ...(s3.caSecretRef ? { WABA_S3_CA_FILE: `${PLACES.authority}/ca.crt` } : {}),
  };
}

function sourceVariables(
  { media, secrets, serverName }: BackupContent,
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
export const masked = (number: string): string =>
  `${number.slice(0, 3)}${'*'.repeat(Math.max(0, number.length - 7))}${number.slice(-4)}`;
