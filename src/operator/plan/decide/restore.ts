import type { BackupResult, RestoredMedia } from '../../../backup/contract/contract.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { backupSecretKeys } from '../facts/backups.ts';
import type { Journal, RestoreEntry } from '../facts/journal.ts';
import { isPlanOnly, names } from '../facts/names.ts';
import type { Observation } from '../facts/observed.ts';
import type { ReleaseImages } from '../facts/release.ts';
import { MADE_FROM, type RestoreNews, type RestoreTask, restoreJobName } from '../facts/restore.ts';
import { type BackupChoice, named, restoreStage } from '../facts/restoreStage.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import type { PodRelease } from '../render/nodeInputs.ts';
import { mediaJob, openingJob, restoringJob } from '../render/restoreJobs.ts';
import { endOf, isComplete } from '../tell/workloadChecks.ts';
import type { JobReport } from './backupStep.ts';
import { type BackupSeen, broughtBack, misfits, type RestoredSecret } from './restoredSecrets.ts';

export interface RestoreObserved
  extends Pick<Observation, 'resource' | 'journal' | 'children' | 'referenced'> {
  /** Of the task that the stage has. */
  readonly job: KubeObject | undefined;
  readonly report: JobReport;
  /** What the Job told, if this process could open it. */
  readonly seen: BackupSeen | undefined;
  /** The pods of the Job are gone, and with them what it told. */
  readonly isLost: boolean;
  /** For which the Job seals what it tells. */
  readonly readerKey: string;
  readonly release: PodRelease;
  readonly offered: ReleaseImages;
}

/** The step of the journal that ends. */
export interface RestoreEnd {
  readonly phase: 'Databases' | 'Media';
  readonly media?: RestoredMedia | undefined;
}

/** What to do next: at most one of the actions. */
export interface RestorePlan {
  readonly news: RestoreNews;
  readonly start?: KubeObject;
  readonly stop?: KubeObject;
  readonly bring?: { readonly secrets: readonly RestoredSecret[]; readonly journal: Journal };
  /** The step is done, and how it ended goes into the journal. */
  readonly end?: RestoreEnd;
}

/** A pure function. Undefined while the workloads controller has not got this far, and if there is nothing to restore. */
export function planRestore(observed: RestoreObserved): RestorePlan | undefined {
  const { resource } = observed;
  const stage = restoreStage(observed);
  if (resource.metadata.deletionTimestamp || resource.spec.paused || isPlanOnly(resource)) return undefined;
  if (stage?.at === 'Secrets' && isAt(resource, 'DatabaseReady')) return bringSecrets(stage.choice, observed);
  if (stage?.at === 'Databases' && isAt(resource, 'SchemaReady')) return fillDatabases(stage.entry, observed);
  if (stage?.at === 'Media' && isUp(resource)) return bringMedia(stage.entry, observed);
  return undefined;
}

/** The number is free and the steps before are done: the workloads controller reports the restore in the step that waits. */
function isAt({ metadata, status }: WhatsAppDeployment, type: string): boolean {
  const condition = status?.conditions?.find((one) => one.type === type);
  return (
    condition?.observedGeneration === metadata.generation &&
    ['Restoring', 'RestoreRefused', 'RestoreFailed'].includes(condition.reason)
  );
}

/** The volume of the media is there, and the stack starts. */
const isUp = ({ status }: WhatsAppDeployment): boolean =>
  status?.conditions?.some(({ type, status }) => type === 'SchemaReady' && status === 'True') ?? false;

function bringSecrets(choice: BackupChoice, observed: RestoreObserved): RestorePlan {
  const { resource, children, referenced, readerKey, isLost, seen } = observed;
  const { restoreFrom } = resource.spec.registration;
  const { backup } = resource.spec;
  const say = (message: string): RestorePlan => ({ news: { task: 'open', isRefused: false, message } });
  const refuse = (message: string): RestorePlan => ({
    news: { task: 'open', isRefused: true, message: `backup ${named(choice)}: ${message}` },
  });
  const destination = restoreFrom?.destination ?? backup?.destination;
  const encryptionSecret = (restoreFrom?.encryptionSecretRef ?? backup?.encryptionSecretRef)?.name;
  if (!destination) return refuse('set spec.registration.restoreFrom.destination, or spec.backup');
  if (encryptionSecret === undefined)
    return refuse('set spec.registration.restoreFrom.encryptionSecretRef, or spec.backup');
  const missing = backupSecretKeys({ destination, encryptionSecret }).find(
    ([secret, key]) => !referenced.get(secret)?.data?.[key],
  );
  if (missing) return refuse(`Secret ${missing[0]} with key ${missing[1]} does not exist; create it`);
  const claim = names(resource.metadata.name).databaseClaim;
  if (children.has(`PersistentVolumeClaim/${claim}`))
    return refuse(
      `PersistentVolumeClaim ${claim} exists and may hold data, which a restore would replace; delete it, or create the WhatsAppDeployment under another name`,
    );
  const source = { ...observed, ...choice, destination, encryptionSecret };
  const wanted = openingJob(resource, source, readerKey);
  const progress = progressOf('open', wanted, observed);
  if (progress !== 'complete') return progress;
  const { job } = observed;
  if (isLost && job) return { ...say(`reading backup ${named(choice)} again`), stop: job };
  if (!seen) return say(`reading what Job ${wanted.metadata.name} tells of backup ${named(choice)}`);
  const problems = misfits(resource, seen);
  const { journal, opened } = seen;
  if (problems.length > 0 || !journal) return refuse(problems.join('; '));
  const { hasMedia } = opened;
  const entry: RestoreEntry = {
    phase: 'Databases',
    ...choice,
    destination,
    encryptionSecret,
    hasMedia,
    jobs: 0,
  };
  return {
    ...say(`writing the Secrets of backup ${named(choice)}`),
    bring: broughtBack(resource, { opened, journal }, entry),
  };
}

function fillDatabases(entry: RestoreEntry, observed: RestoreObserved): RestorePlan {
  const { resource } = observed;
  // The volume of a managed database did not exist when the restore began. The first Job still looks; what it leaves, the
  // next one replaces.
  const overwrite = resource.spec.database.managed !== undefined && entry.jobs > 0;
  const wanted = restoringJob(resource, { ...observed, ...entry }, overwrite);
  const progress = progressOf('restore', wanted, observed);
  if (progress !== 'complete') return progress;
  return {
    news: {
      task: 'restore',
      isRefused: false,
      message: `the databases of backup ${named(entry)} are restored`,
    },
    end: { phase: 'Databases' },
  };
}

function bringMedia(entry: RestoreEntry, observed: RestoreObserved): RestorePlan {
  const { resource, report } = observed;
  const progress = progressOf('media', mediaJob(resource, { ...observed, ...entry }), observed);
  if (progress !== 'complete') return progress;
  const { result } = report;
  return {
    news: { task: 'media', isRefused: false, message: `the media of backup ${named(entry)} are restored` },
    end: { phase: 'Media', media: result?.ok ? result.media : undefined },
  };
}

/** What becomes of the Job of a task until it is complete. */
function progressOf(
  task: RestoreTask,
  wanted: KubeObject,
  observed: RestoreObserved,
): RestorePlan | 'complete' {
  const { job, report, resource } = observed;
  const { metadata } = resource;
  const { result, problem, progress } = report;
  const name = restoreJobName(metadata.name, task);
  const say = (message: string): RestorePlan => ({ news: { task, isRefused: false, message } });
  if (!job) return { ...say(`Job ${name} is about to start`), start: wanted };
  if (
    job.metadata.deletionTimestamp ||
    !job.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid)
  )
    return say(`waiting until the earlier Job ${name} is gone`);
  const mark = ({ metadata: { annotations } }: KubeObject) => annotations?.[MADE_FROM];
  if (mark(job) !== mark(wanted)) return { ...say(`Job ${name} starts again`), stop: job };
  if (isComplete(job)) return 'complete';
  const failure = endOf(job, 'Failed');
  if (failure) {
    const cause =
      failureOf(result) ?? [problem?.text, failure.message ?? failure.reason].filter(Boolean).join('; ');
    const isFilled = result?.ok === false && result.code === 'DatabaseNotEmpty';
    const filled = isFilled ? `; ${whatToDrop(resource)}` : '';
    return {
      news: {
        task,
        isRefused: true,
        message: `${cause}${filled}; correct the cause and run: kubectl -n ${metadata.namespace} delete job ${name}, which tries again`,
      },
    };
  }
  if (problem) return say(`Job ${name}: ${problem.text}`);
  const failed = failureOf(result);
  if (failed) return say(`the first try of Job ${name} failed, and it tries again: ${failed}`);
  return say(
    progress
      ? `Job ${name} restores ${progress.object}, ${progress.bytes} bytes so far`
      : `Job ${name} ${WORK[task]}`,
  );
}

const WORK: { readonly [T in RestoreTask]: string } = {
  open: 'reads the backup',
  restore: 'restores the databases',
  media: 'restores the media',
};

/** Who removes the tables that are in the way: perhaps those that an earlier try left. */
const whatToDrop = (resource: WhatsAppDeployment): string =>
  resource.spec.database.managed
    ? 'the next try replaces them'
    : `the operator never replaces tables of an external database: drop the databases whose names begin with ${databaseAddress(resource).prefix} if an earlier try left them`;

const failureOf = (result: BackupResult | undefined): string | undefined =>
  result && !result.ok ? result.message : undefined;
