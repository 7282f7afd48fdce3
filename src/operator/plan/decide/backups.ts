import { type BackupResult, FAILURES } from '../../../backup/contract/contract.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { BackupReason } from '../../resource/backupReasons.ts';
import type { BackupDestination } from '../../resource/backupSpec.ts';
import {
  BACKUP_KIND,
  type BackupPhase,
  type WhatsAppBackup,
  type WhatsAppBackupStatus,
} from '../../resource/whatsAppBackup.ts';
import { API_VERSION, type WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import {
  BACKUP_FINALIZER,
  type BackupTask,
  backupJobName,
  backupScheduleProblem,
  backupSecretKeys,
  datedName,
  dueBackup,
  isSnapshotOf,
  phaseOf,
  SCHEDULED_FOR,
  surplusBackups,
} from '../facts/backups.ts';
import type { PodProblem } from '../facts/observed.ts';
import type { ReleaseImages } from '../facts/release.ts';
import { backupJob } from '../render/backupJob.ts';
import type { PodRelease } from '../render/nodeInputs.ts';
import { endOf, isComplete } from '../tell/workloadChecks.ts';

/** What the pods of a Job tell. */
export interface JobReport {
  readonly result: BackupResult | undefined;
  readonly problem: PodProblem | undefined;
  readonly progress: { readonly object: string; readonly bytes: number } | undefined;
}

/** The backups of one stack, and what they depend on. */
export interface BackupsObserved {
  readonly stack: WhatsAppDeployment | undefined;
  /** The release that the stack runs, or, if it has none, that of the operator. */
  readonly release: PodRelease;
  readonly offered: ReleaseImages;
  readonly backups: readonly WhatsAppBackup[];
  /** By name. */
  readonly jobs: ReadonlyMap<string, KubeObject>;
  /** By name of the Job. */
  readonly reports: ReadonlyMap<string, JobReport>;
  /** Whether a Secret has a key. */
  readonly hasKey: (secret: string, key: string) => boolean;
  /** Names of the Secrets that a backup of the stack contains. */
  readonly secrets: readonly string[];
  /** A name that the certificate of the Webapps bears; undefined if they serve none yet. */
  readonly serverName: string | undefined;
  /** Epoch ms. */
  readonly nowMs: number;
}

export interface BackupsPlan {
  /** Scheduled backups that are due. */
  readonly create: readonly KubeObject[];
  /** Backups that retention gives up. */
  readonly expire: readonly WhatsAppBackup[];
  readonly start: readonly KubeObject[];
  /** Jobs to delete. */
  readonly stop: readonly KubeObject[];
  /** New finalizers, by backup. */
  readonly finalizers: ReadonlyMap<WhatsAppBackup, readonly string[]>;
  readonly statuses: ReadonlyMap<WhatsAppBackup, WhatsAppBackupStatus>;
  /** Epoch ms when time alone changes the plan. */
  readonly againMs: number | undefined;
}

/** What becomes of one backup now. */
interface Step {
  readonly status: WhatsAppBackupStatus;
  readonly start?: KubeObject;
  readonly stop?: readonly KubeObject[];
  readonly finalizers?: readonly string[];
}

const LOOK_AGAIN_MS = 10_000;

/** A pure function. Backups of a stack are made one after the other, oldest first. */
export function planBackups(observed: BackupsObserved): BackupsPlan {
  const { stack, backups, nowMs } = observed;
  const inTurn = [...backups].sort(
    (a, b) =>
      Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp) ||
      a.metadata.name.localeCompare(b.metadata.name),
  );
  let running = inTurn.find((backup) => phaseOf(backup) === 'Running' && !backup.metadata.deletionTimestamp);
  const steps = inTurn.map((backup): readonly [WhatsAppBackup, Step] => {
    const step = backup.metadata.deletionTimestamp
      ? stepOfDeletion(backup, observed)
      : stepOf(backup, running === backup ? undefined : running, observed);
    if (step.start && !backup.metadata.deletionTimestamp) running = backup;
    return [backup, step];
  });
  const isActive =
    stack !== undefined &&
    !stack.metadata.deletionTimestamp &&
    !stack.spec.paused &&
    backupScheduleProblem(stack.spec.backup) === undefined;
  const due = isActive ? dueBackup(stack, backups, nowMs) : undefined;
  const expire = isActive && stack.spec.backup ? surplusBackups(stack.spec.backup, backups, nowMs) : [];
  const isWaiting = steps.some(([, { status }]) =>
    ['Pending', 'Running', 'Deleting'].includes(status.phase ?? ''),
  );
  return {
    create: stack && due?.missedMs !== undefined ? [scheduledBackup(stack, due.missedMs)] : [],
    expire,
    start: steps.flatMap(([, { start }]) => start ?? []),
    stop: steps.flatMap(([, { stop }]) => stop ?? []),
    finalizers: new Map(
      steps.flatMap(([backup, { finalizers }]) => (finalizers ? [[backup, finalizers] as const] : [])),
    ),
    statuses: new Map(steps.map(([backup, { status }]) => [backup, status])),
    againMs: isWaiting ? Math.min(nowMs + LOOK_AGAIN_MS, due?.nextMs ?? Infinity) : due?.nextMs,
  };
}

function scheduledBackup({ metadata, spec }: WhatsAppDeployment, dueMs: number): KubeObject {
  const { name, namespace } = metadata;
  return {
    apiVersion: API_VERSION,
    kind: BACKUP_KIND,
    metadata: {
      name: datedName(name, dueMs),
      namespace,
      annotations: { [SCHEDULED_FOR]: new Date(dueMs).toISOString() },
    },
    // Without an owner, and with all that is needed to read it: backups outlive the stack.
    spec: {
      deployment: name,
      destination: spec.backup?.destination,
      encryptionSecretRef: spec.backup?.encryptionSecretRef,
      media: spec.backup?.media,
      deletionPolicy: 'Delete',
    },
  };
}

/** The condition and the phase, over what the status holds already. */
function told(
  { status, metadata }: WhatsAppBackup,
  phase: BackupPhase,
  reason: BackupReason,
  message: string,
  nowMs: number,
  more: WhatsAppBackupStatus = {},
): WhatsAppBackupStatus {
  const { progress: _, conditions = [], ...kept } = status ?? {};
  const value = phase === 'Completed' ? 'True' : phase === 'Failed' ? 'False' : 'Unknown';
  const before = conditions.find(({ type }) => type === 'Complete');
  return {
    ...kept,
    ...more,
    observedGeneration: metadata.generation,
    phase,
    conditions: [
      {
        type: 'Complete',
        status: value,
        reason,
        message: message.slice(0, 4096),
        observedGeneration: metadata.generation,
        lastTransitionTime:
          before?.status === value ? before.lastTransitionTime : new Date(nowMs).toISOString(),
      },
    ],
  };
}

function stepOf(
  backup: WhatsAppBackup,
  running: WhatsAppBackup | undefined,
  observed: BackupsObserved,
): Step {
  const { finalizers } = backup.metadata;
  const has = finalizers.includes(BACKUP_FINALIZER);
  const wants = backup.spec.deletionPolicy === 'Delete';
  const step = progressOf(backup, running, observed);
  if (has === wants) return step;
  return {
    ...step,
    finalizers: wants
      ? [...finalizers, BACKUP_FINALIZER]
      : finalizers.filter((name) => name !== BACKUP_FINALIZER),
  };
}

function progressOf(
  backup: WhatsAppBackup,
  running: WhatsAppBackup | undefined,
  observed: BackupsObserved,
): Step {
  const { jobs, nowMs } = observed;
  const { status } = backup;
  const phase = phaseOf(backup);
  if (status && (phase === 'Completed' || phase === 'Failed')) return { status };
  const job = jobs.get(backupJobName(backup.metadata.name, 'run'));
  if (job) return { status: statusOfJob(backup, job, observed) };
  const say = (to: BackupPhase, reason: BackupReason, message: string): Step => ({
    status: told(backup, to, reason, message, nowMs),
  });
  if (phase === 'Running')
    return say(
      'Failed',
      'JobDeleted',
      `Job ${backupJobName(backup.metadata.name, 'run')} was deleted before it ended; create another WhatsAppBackup`,
    );
  const obstacle = obstacleTo(backup, running, observed);
  const settings = settingsOf(backup, observed);
  if (obstacle || !settings) return say('Pending', ...(obstacle ?? NOT_CONFIGURED));
  return {
    status: told(backup, 'Running', 'Running', 'the Job has been created', nowMs, {
      startedAt: new Date(nowMs).toISOString(),
      ...settings.described,
    }),
    start: settings.job('run'),
  };
}

const NOT_CONFIGURED = ['NotConfigured', 'set spec.destination'] as const;

/** Why a backup cannot begin yet. */
function obstacleTo(
  backup: WhatsAppBackup,
  running: WhatsAppBackup | undefined,
  observed: BackupsObserved,
): readonly [BackupReason, string] | undefined {
  const { stack } = observed;
  const { deployment } = backup.spec;
  if (!stack)
    return [
      'DeploymentMissing',
      `there is no WhatsAppDeployment ${deployment}; create it, or delete this WhatsAppBackup`,
    ];
  // The nodes have been stopped for it, and nobody renews the conditions of a stack that is being deleted.
  const isLast = isSnapshotOf(backup, stack);
  if (stack.spec.paused && !isLast)
    return [
      'Paused',
      `spec.paused of WhatsAppDeployment ${deployment} is true; run: kubectl waba resume ${deployment}`,
    ];
  const configured = configurationOf(backup, stack);
  if (typeof configured === 'string') return ['NotConfigured', configured];
  for (const [secret, key] of backupSecretKeys(configured))
    if (!observed.hasKey(secret, key))
      return ['SecretMissing', `Secret ${secret} with key ${key} does not exist; create it`];
  const isTrue = (type: string) =>
    stack.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True');
  if (!isLast && (!isTrue('DatabaseReady') || !isTrue('SchemaReady')))
    return ['DatabaseNotReady', `the database of ${deployment} is not ready; the backup begins when it is`];
  if (running) return ['Queued', `waiting until the backup ${running.metadata.name} has ended`];
  return undefined;
}

interface Configured {
  readonly destination: BackupDestination;
  readonly encryptionSecret: string;
  readonly media: boolean;
}

/** Where the backup goes and how it is encrypted, or what is not said. */
function configurationOf(
  { spec }: WhatsAppBackup,
  stack: WhatsAppDeployment | undefined,
): Configured | string {
  const byDefault = stack?.spec.backup;
  const destination = spec.destination ?? byDefault?.destination;
  const encryption = spec.encryptionSecretRef ?? byDefault?.encryptionSecretRef;
  const where = `here, or in spec.backup of WhatsAppDeployment ${spec.deployment}`;
  if (!destination) return `set spec.destination ${where}`;
  if (!encryption) return `set spec.encryptionSecretRef ${where}`;
  return { destination, encryptionSecret: encryption.name, media: spec.media ?? byDefault?.media ?? false };
}

/** The Job of a backup, and what the status says of it; undefined if nothing says where the backup is. */
function settingsOf(backup: WhatsAppBackup, observed: BackupsObserved) {
  const { stack } = observed;
  const configured = configurationOf(backup, stack);
  if (typeof configured === 'string') return undefined;
  const { database, client, shards } = stack?.status ?? {};
  return {
    described: {
      location: locationOf(configured.destination),
      ...(database?.engine ? { engine: database.engine } : {}),
      ...(client?.version ? { version: client.version } : {}),
      ...(shards?.desired ? { shards: shards.desired } : {}),
    },
    job: (task: BackupTask) => {
      // No Webapp runs for the last backup.
      const serverName = stack && isSnapshotOf(backup, stack) ? undefined : observed.serverName;
      return backupJob({ ...observed, ...configured, serverName, task, backup });
    },
  };
}

const locationOf = ({ claim, s3 }: BackupDestination): string =>
  s3
    ? [`s3:/`, s3.bucket, s3.prefix].filter((part) => part !== undefined).join('/')
    : [`PersistentVolumeClaim ${claim?.name}`, claim?.path].filter((part) => part !== undefined).join('/');

function statusOfJob(
  backup: WhatsAppBackup,
  job: KubeObject,
  { reports, nowMs }: BackupsObserved,
): WhatsAppBackupStatus {
  const { result, problem, progress } = reports.get(job.metadata.name) ?? {};
  const completedAt = (text: string | undefined) => ({ completedAt: text ?? new Date(nowMs).toISOString() });
  if (isComplete(job)) {
    const { completionTime } = (job.status ?? {}) as { readonly completionTime?: string };
    const good = result?.ok ? result : undefined;
    return told(backup, 'Completed', 'Completed', summaryOf(good), nowMs, {
      ...completedAt(completionTime),
      ...(good?.storedBytes === undefined ? {} : { storedBytes: good.storedBytes }),
      ...(good?.plainBytes === undefined ? {} : { plainBytes: good.plainBytes }),
      ...(good?.databases ? { databases: good.databases.slice(0, 64) } : {}),
      ...(good?.warnings.length ? { warnings: good.warnings.slice(0, 32) } : {}),
    });
  }
  const failure = endOf(job, 'Failed');
  if (failure) {
    const code = result && !result.ok && result.code in FAILURES ? (result.code as BackupReason) : undefined;
    const message =
      result && !result.ok
        ? result.message
        : [problem?.text, failure.message ?? failure.reason].filter(Boolean).join('; ');
    return told(backup, 'Failed', code ?? 'JobFailed', message, nowMs, completedAt(undefined));
  }
  if (problem) return told(backup, 'Running', 'PodProblem', problem.text, nowMs);
  const message = progress
    ? `writing ${progress.object}, ${progress.bytes} bytes so far`
    : result && !result.ok
      ? `the first try failed, and the Job tries again: ${result.message}`
      : 'the Job runs';
  return told(backup, 'Running', 'Running', message, nowMs, progress ? { progress } : {});
}

function summaryOf(result: Extract<BackupResult, { ok: true }> | undefined): string {
  const size = result?.storedBytes === undefined ? '' : `, ${result.storedBytes} bytes`;
  const lacks = result?.warnings.length ? `; it lacks: ${result.warnings.join('; ')}` : '';
  return `the backup is complete${size}${lacks}`;
}

/** What is stored goes first, then the object. */
function stepOfDeletion(backup: WhatsAppBackup, observed: BackupsObserved): Step {
  const { jobs, reports, nowMs } = observed;
  const { metadata, spec, status = {} } = backup;
  const rest = metadata.finalizers.filter((name) => name !== BACKUP_FINALIZER);
  if (!metadata.finalizers.includes(BACKUP_FINALIZER)) return { status };
  const making = jobs.get(backupJobName(metadata.name, 'run'));
  const removal = jobs.get(backupJobName(metadata.name, 'remove'));
  const isNothingStored = status.startedAt === undefined;
  if (spec.deletionPolicy === 'Retain' || isNothingStored || (removal && isComplete(removal)))
    return { status, finalizers: rest };
  const say = (reason: BackupReason, message: string) => told(backup, 'Deleting', reason, message, nowMs);
  // A backup that is still being written would come back.
  if (making && !isComplete(making) && !endOf(making, 'Failed'))
    return { status: say('Removing', 'stopping the Job that makes the backup'), stop: [making] };
  if (!removal) {
    const settings = settingsOf(backup, observed);
    if (!settings)
      return {
        status: say(
          'RemovalFailed',
          'the stored objects cannot be removed, because nothing says where they are; set spec.deletionPolicy to Retain, which keeps what is stored',
        ),
      };
    return {
      status: say('Removing', `removing what is stored at ${status.location}`),
      start: settings.job('remove'),
    };
  }
  const failure = endOf(removal, 'Failed');
  const { result, problem } = reports.get(removal.metadata.name) ?? {};
  if (!failure && !problem)
    return { status: say('Removing', `removing what is stored at ${status.location}`) };
  const cause =
    result && !result.ok ? result.message : (problem?.text ?? failure?.message ?? failure?.reason ?? '');
  return {
    status: say(
      'RemovalFailed',
      `${cause}; correct it and run: kubectl -n ${metadata.namespace} delete job ${removal.metadata.name}, which tries again; or set spec.deletionPolicy to Retain, which keeps what is stored`,
    ),
  };
}
