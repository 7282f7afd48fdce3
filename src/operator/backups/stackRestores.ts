import { openedBackup, sealedLine } from '../../backup/contract/openedBackup.ts';
import { CodedError, describeError } from '../../base/codedError.ts';
import { safeJson } from '../../base/safeJson.ts';
import { createReaderKey, open, type ReaderKey } from '../../base/sealedBox.ts';
import type { Reconcile } from '../../engine/controller/controller.ts';
import { isLostRace } from '../../engine/kube/apiError.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import { planRestore, type RestorePlan } from '../plan/decide/restore.ts';
import { type BackupSeen, formerJournal } from '../plan/decide/restoredSecrets.ts';
import { managedTls } from '../plan/facts/managedTls.ts';
import { type ReleaseImages, releaseOf } from '../plan/facts/release.ts';
import { type RestoreNews, restoreJobName } from '../plan/facts/restore.ts';
import { restoreStage, TASKS } from '../plan/facts/restoreStage.ts';
import type { SecretObject } from '../plan/facts/secrets.ts';
import { parseWhatsAppDeployment, type WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { readJournal } from '../state/journalStore.ts';
import { type ObserveContext, observe } from '../state/observe.ts';
import type { PodObject } from '../state/podObject.ts';
import { AgentJobs } from './agentJobs.ts';
import { jobReport, newest, workingPod } from './jobReport.ts';
import { RestoreActions, type RestoreActionsOptions } from './restoreActions.ts';

export interface StackRestoresOptions extends ObserveContext, RestoreActionsOptions {
  readonly sources: ObserveContext['sources'];
  readonly journals: ObserveContext['journals'];
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

/** Begins stacks with a backup: first the Secrets and the journal come back, then, once there is a server, the databases, and last the media. */
export class StackRestores {
  readonly #options: StackRestoresOptions;
  readonly #jobs: AgentJobs;
  readonly #actions: RestoreActions;
  readonly #readings = new Map<string, Reading>();

  constructor(options: StackRestoresOptions) {
    this.#options = options;
    this.#jobs = new AgentJobs(options);
    this.#actions = new RestoreActions(options);
  }

  /** Forgets a stack that is gone, or that another replica has taken over. */
  forget(key: string): void {
    this.#readings.delete(key);
    this.#options.news.delete(key);
  }

  /** @param key of the stack, `namespace/name` */
  readonly reconcile: Reconcile = async (key, signal) => {
    const { sources, journals } = this.#options;
    const parsed = parseWhatsAppDeployment(sources.stacks.cache.get(key));
    const stage = parsed.ok
      ? restoreStage({
          resource: parsed.resource,
          journal: journals.read(parsed.resource),
          children: new Map(),
        })
      : undefined;
    if (!parsed.ok || !stage || stage.at === 'Refused') {
      this.forget(key);
      return {};
    }
    try {
      const plan = await this.#plan(key, parsed.resource, signal);
      if (!plan) return {};
      this.#tell(key, await this.#carryOut(parsed.resource, plan, signal));
    } catch (error) {
      if (!signal.aborted && !isLostRace(error))
        this.#tell(key, {
          task: TASKS[stage.at],
          isRefused: false,
          message: `${describeError(error)}; the operator tries again`,
        });
      throw error;
    }
    return { requeueAfterMs: LOOK_AGAIN_MS };
  };

  async #plan(
    key: string,
    resource: WhatsAppDeployment,
    signal: AbortSignal,
  ): Promise<RestorePlan | undefined> {
    const { sources, release: offered } = this.#options;
    const observed = await observe(resource, this.#options, signal);
    const stage = restoreStage(observed);
    if (!stage || stage.at === 'Refused') return undefined;
    const task = TASKS[stage.at];
    const name = restoreJobName(resource.metadata.name, task);
    const job = sources.children
      .flatMap(({ kind, cache }) => (kind.kind === 'Job' ? cache.byIndex('restore', key) : []))
      .find(({ metadata }) => metadata.name === name);
    const pods = (sources.pods.cache.byIndex('restore', key) as PodObject[]).filter((pod) =>
      pod.metadata.ownerReferences?.some(({ uid }) => uid === job?.metadata.uid),
    );
    const reading = this.#readingOf(key, resource);
    const isTold = job !== undefined && reading.told?.job === job.metadata.uid;
    // The log of the first Job holds more than its result.
    const pod = task === 'open' ? newest(pods) : workingPod(pods);
    const log = isTold ? undefined : await this.#jobs.endOfLog(pod, signal);
    const seen = task === 'open' ? this.#read(reading, job, log) : undefined;
    return planRestore({
      ...observed,
      job,
      report: jobReport(pods, log),
      seen,
      isLost: !seen && pods.length === 0,
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

  #tell(key: string, news: RestoreNews): void {
    if (hashOf([this.#options.news.get(key)]) === hashOf([news])) return;
    this.#options.news.set(key, news);
    this.#options.onNews(key);
    const stored = this.#options.sources.stacks.cache.get(key);
    // The stack is Ready meanwhile: its conditions alone would not show that something is missing.
    if (stored && news.task === 'media' && news.isRefused)
      this.#options.recorder.record(stored, {
        type: 'Warning',
        reason: 'MediaNotRestored',
        message: news.message,
      });
  }

  /** @returns how far the restore is then */
  async #carryOut(
    resource: WhatsAppDeployment,
    { start, stop, bring, end, news }: RestorePlan,
    signal: AbortSignal,
  ): Promise<RestoreNews> {
    const actions = this.#actions;
    if (stop) await this.#jobs.delete(stop, signal);
    if (start) await actions.start(resource, start, news.task, signal);
    if (end) await actions.finish(resource, end, signal);
    const inTheWay = bring && (await actions.bring(resource, bring, signal));
    if (inTheWay === undefined) return news;
    const { namespace } = resource.metadata;
    return {
      ...news,
      isRefused: true,
      message: `Secret ${inTheWay} exists with other values than those of the backup; delete it if nothing needs it (kubectl -n ${namespace} delete secret ${inTheWay}), or create the WhatsAppDeployment under another name`,
    };
  }
}
