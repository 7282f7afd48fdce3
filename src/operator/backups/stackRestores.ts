import { CONTAINERS } from '../../backup/contract/contract.ts';
import { openedBackup, sealedLine } from '../../backup/contract/openedBackup.ts';
import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { safeJson } from '../../base/safeJson.ts';
import { createReaderKey, open, type ReaderKey } from '../../base/sealedBox.ts';
import type { Reconcile } from '../../engine/controller/controller.ts';
import { isAlreadyExists, isBadRequest, isConflict, isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import { podLog } from '../../engine/kube/podLog.ts';
import { planRestore, type RestorePlan } from '../plan/decide/restore.ts';
import { type BackupSeen, formerJournal, type RestoredSecret } from '../plan/decide/restoredSecrets.ts';
import { managedTls } from '../plan/facts/managedTls.ts';
import { FIELD_MANAGER, secretLabels } from '../plan/facts/names.ts';
import { type ReleaseImages, releaseOf } from '../plan/facts/release.ts';
import {
  isBlank,
  named,
  type RestoreNews,
  type RestoreTask,
  restoreJobName,
  restoreStage,
} from '../plan/facts/restore.ts';
import type { SecretObject } from '../plan/facts/secrets.ts';
import { parseWhatsAppDeployment, type WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { readJournal } from '../state/journalStore.ts';
import { type ObserveContext, observe } from '../state/observe.ts';
import type { PodObject } from '../state/podObject.ts';
import { jobReport } from './jobReport.ts';

export interface StackRestoresOptions extends ObserveContext {
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly release: ReleaseImages;
  /** The same as `restores`, to write into. */
  readonly news: Map<string, RestoreNews>;
  /** Called when there is news of a stack. */
  readonly onNews: (key: string) => void;
}

/** What this process has made and read for the restore of one resource. */
interface Reading {
  readonly uid: string;
  /** Dies with the process, and so does the right to read the answer of a Job. */
  readonly key: ReaderKey;
  /** By UID of the Job that told it. */
  told?: { readonly job: string; readonly seen: BackupSeen };
}

const LOOK_AGAIN_MS = 5_000;
const LOG_LINES = 5;

/** Begins stacks with a backup: first the Secrets and the journal come back, then, once there is a server, the databases. */
export class StackRestores {
  readonly #options: StackRestoresOptions;
  readonly #readings = new Map<string, Reading>();

  constructor(options: StackRestoresOptions) {
    this.#options = options;
  }

  /** @param key of the stack, `namespace/name` */
  readonly reconcile: Reconcile = async (key, signal) => {
    const { sources, journals } = this.#options;
    const parsed = parseWhatsAppDeployment(sources.stacks.cache.get(key));
    const stage = parsed.ok ? restoreStage(parsed.resource, journals.read(parsed.resource)) : undefined;
    if (!parsed.ok || !stage || stage.at === 'Refused') {
      this.#readings.delete(key);
      this.#options.news.delete(key);
      return {};
    }
    const plan = await this.#plan(key, parsed.resource, signal);
    if (!plan) return {};
    this.#tell(key, plan.news);
    await this.#carryOut(key, parsed.resource, plan, signal);
    return { requeueAfterMs: LOOK_AGAIN_MS };
  };

  async #plan(
    key: string,
    resource: WhatsAppDeployment,
    signal: AbortSignal,
  ): Promise<RestorePlan | undefined> {
    const { sources, release: offered } = this.#options;
    const observed = await observe(resource, this.#options, signal);
    const jobs = new Map<RestoreTask, KubeObject>();
    const pods = new Map<RestoreTask, readonly PodObject[]>();
    for (const task of ['open', 'restore'] as const) {
      const name = restoreJobName(resource.metadata.name, task);
      const job = sources.children
        .flatMap(({ kind, cache }) => (kind.kind === 'Job' ? cache.byIndex('restore', key) : []))
        .find(({ metadata }) => metadata.name === name);
      if (!job) continue;
      jobs.set(task, job);
      pods.set(
        task,
        (sources.pods.cache.byIndex('restore', key) as PodObject[]).filter((pod) =>
          pod.metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid),
        ),
      );
    }
    const reading = this.#readingOf(key, resource);
    const logs = new Map<RestoreTask, string | undefined>();
    for (const [task, ofTask] of pods)
      if (reading.told === undefined || reading.told.job !== jobs.get(task)?.metadata.uid)
        logs.set(task, await this.#log(ofTask, signal));
    const seen = this.#read(reading, jobs.get('open'), logs.get('open'));
    return planRestore({
      ...observed,
      jobs,
      reports: new Map([...pods].map(([task, ofTask]) => [task, jobReport(ofTask, logs.get(task))])),
      seen,
      isLost: !seen && (pods.get('open')?.length ?? 0) === 0,
      readerKey: reading.key.publicKey,
      release: {
        ...releaseOf(resource, observed.journal?.release, offered),
        databaseTls: managedTls(observed).nodes,
      },
      offered,
    });
  }

  #readingOf(key: string, { metadata: { uid } }: WhatsAppDeployment): Reading {
    const known = this.#readings.get(key);
    if (known?.uid === uid) return known;
    const reading = { uid, key: createReaderKey() };
    this.#readings.set(key, reading);
    return reading;
  }

  /** What the Job told in its log, if it was told to this process. */
  #read(reading: Reading, job: KubeObject | undefined, log: string | undefined): BackupSeen | undefined {
    const uid = job?.metadata.uid;
    if (uid === undefined) return undefined;
    if (reading.told?.job === uid) return reading.told.seen;
    const sealed = (log ?? '')
      .split('\n')
      .flatMap((line) => sealedLine.safeParse(safeJson(line)).data ?? [])[0];
    if (!sealed) return undefined;
    let text: string;
    try {
      text = open(sealed.sealed, reading.key);
    } catch (error) {
      // An earlier process asked: its Job is about to be replaced.
      if (error instanceof CodedError && error.code === 'NotForThisReader') return undefined;
      throw error;
    }
    const opened = openedBackup.parse(JSON.parse(text));
    const { name, data } = formerJournal(opened);
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data } as SecretObject;
    const seen = { opened, journal: data && readJournal(secret) };
    reading.told = { job: uid, seen };
    return seen;
  }

  /** The end of the newest pod's log; undefined before the container has started, and once the pod is gone. */
  async #log(pods: readonly PodObject[], signal: AbortSignal): Promise<string | undefined> {
    const pod = [...pods].sort((a, b) =>
      (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''),
    )[0];
    if (!pod) return undefined;
    const { namespace = '', name } = pod.metadata;
    const query = { container: CONTAINERS.agent, tailLines: LOG_LINES };
    return podLog(this.#options.client, namespace, name, query, signal).catch((error: unknown) => {
      if (isBadRequest(error) || isNotFound(error)) return undefined;
      throw error;
    });
  }

  #tell(key: string, news: RestoreNews): void {
    if (hashOf([this.#options.news.get(key)]) === hashOf([news])) return;
    this.#options.news.set(key, news);
    this.#options.onNews(key);
  }

  async #carryOut(
    key: string,
    resource: WhatsAppDeployment,
    { start, stop, bring, isDone, news }: RestorePlan,
    signal: AbortSignal,
  ): Promise<void> {
    if (stop) await this.#stop(stop, signal);
    if (start) await this.#start(resource, start, news.task, signal);
    if (bring) await this.#bring(key, resource, bring, signal);
    if (isDone) await this.#finish(resource, signal);
  }

  async #start(
    resource: WhatsAppDeployment,
    job: KubeObject,
    task: RestoreTask,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, journals } = this.#options;
    // Compare-and-swap: a process that has not seen the end of the restore must not write into a running stack.
    if (task === 'restore')
      await journals.update(
        resource,
        (journal) => {
          if (journal.restore?.phase !== 'Databases') throw outpaced(resource);
          return { ...journal, restore: { ...journal.restore, jobs: journal.restore.jobs + 1 } };
        },
        signal,
      );
    try {
      this.#cacheOf('Job')?.observeWrite(
        await client.create<KubeObject>(job, { fieldManager: FIELD_MANAGER }, signal),
      );
    } catch (error) {
      // A pass before this one made it, and the watch has not shown it yet.
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async #stop({ metadata }: KubeObject, signal: AbortSignal): Promise<void> {
    const { namespace, name, uid } = metadata;
    try {
      const going = await this.#options.client.delete(
        kinds.Job,
        namespace,
        name,
        { uid, propagation: 'Foreground' },
        signal,
      );
      if (going) this.#cacheOf('Job')?.observeWrite(going);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  /** The journal comes last: with it, the stack counts as one that has data. */
  async #bring(
    key: string,
    resource: WhatsAppDeployment,
    { secrets, journal }: NonNullable<RestorePlan['bring']>,
    signal: AbortSignal,
  ): Promise<void> {
    const { metadata } = resource;
    for (const secret of secrets) {
      if (await this.#write(resource, secret, signal)) continue;
      this.#tell(key, {
        task: 'open',
        isRefused: true,
        message: `Secret ${secret.name} exists with other values than those of the backup; delete it if nothing needs it (kubectl -n ${metadata.namespace} delete secret ${secret.name}), or create the WhatsAppDeployment under another name`,
      });
      return;
    }
    const begin = (current: typeof journal) => {
      if (!isBlank(current)) throw outpaced(resource);
      return journal;
    };
    await this.#options.journals.update(resource, begin, signal);
  }

  /** @returns false if there is one with other values */
  async #write(
    resource: WhatsAppDeployment,
    { name, data }: RestoredSecret,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { namespace } = resource.metadata;
    const object = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace, labels: secretLabels(resource, name) },
      type: 'Opaque',
      data,
    };
    const { client } = this.#options;
    try {
      const made = await client.create<KubeObject>(object, { fieldManager: FIELD_MANAGER }, signal);
      this.#cacheOf('Secret')?.observeWrite(made);
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const live = await client.get<SecretObject>(kinds.Secret, namespace, name, signal);
      return hashOf([live.data]) === hashOf([data]);
    }
  }

  async #finish(resource: WhatsAppDeployment, signal: AbortSignal): Promise<void> {
    const { journals, recorder, sources } = this.#options;
    const { restore } = await journals.update(
      resource,
      (journal) => {
        if (journal.restore?.phase !== 'Databases') throw outpaced(resource);
        return { ...journal, restore: { ...journal.restore, phase: 'Done' } };
      },
      signal,
    );
    const { namespace, name } = resource.metadata;
    const stored = sources.stacks.cache.get(`${namespace}/${name}`);
    if (!restore || !stored) return;
    recorder.record(stored, {
      type: 'Normal',
      reason: 'Restored',
      message: `the databases of backup ${named(restore)} are restored`,
    });
  }

  #cacheOf(kind: string) {
    return this.#options.sources.children.find((source) => source.kind.kind === kind)?.cache;
  }
}

const outpaced = ({ metadata: { name } }: WhatsAppDeployment): CodedError =>
  new CodedError(
    'Conflict',
    `the restore of WhatsAppDeployment ${name} went on in another process; planning again`,
    {
      retriable: true,
    },
  );
