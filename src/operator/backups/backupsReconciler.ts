import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Reconcile } from '../../engine/controller/controller.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { type BackupsPlan, planBackups } from '../plan/decide/backups.ts';
import { FIELD_MANAGER } from '../plan/facts/names.ts';
import type { WhatsAppBackup, WhatsAppBackupStatus } from '../resource/whatsAppBackup.ts';
import type { PodObject } from '../state/podObject.ts';
import { WhatsAppBackupKind } from '../state/stackSources.ts';
import { type TellStatusOptions, tellStatus } from '../state/tellStatus.ts';
import { AgentJobs } from './agentJobs.ts';
import { jobReport, workingPod } from './jobReport.ts';
import { type BackupsContext, observeBackups } from './observeBackups.ts';

export interface BackupsReconcilerOptions extends BackupsContext {
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
}

const TELLING: Pick<TellStatusOptions, 'fieldManager' | 'eventOf'> = {
  fieldManager: 'waba-operator-backups',
  eventOf: ({ status, reason, message }) => ({
    type: status === 'False' || reason === 'RemovalFailed' || reason === 'PodProblem' ? 'Warning' : 'Normal',
    reason: `Backup${reason.replace(/^Backup/, '')}`,
    message,
  }),
};

/** Makes the backups of a stack one after the other, on demand and by schedule, and removes those that nobody keeps. */
export class BackupsReconciler {
  readonly #options: BackupsReconcilerOptions;
  readonly #jobs: AgentJobs;

  constructor(options: BackupsReconcilerOptions) {
    this.#options = options;
    this.#jobs = new AgentJobs(options);
  }

  /** @param key of the stack, `namespace/name` */
  readonly reconcile: Reconcile = async (key, signal, logger) => {
    const observed = await observeBackups(key, this.#options, signal);
    if (!observed) return {};
    const reports = new Map<string, ReturnType<typeof jobReport>>();
    for (const [name, pods] of observed.podsOfJobs)
      reports.set(name, jobReport(pods, await this.#log(pods, signal, logger)));
    const nowMs = this.#options.clock.now();
    const plan = planBackups({ ...observed, reports, nowMs });
    await this.#carryOut(plan, signal);
    return plan.againMs === undefined ? {} : { requeueAfterMs: Math.max(0, plan.againMs - nowMs) };
  };

  async #log(pods: readonly PodObject[], signal: AbortSignal, logger: Logger): Promise<string | undefined> {
    const pod = workingPod(pods);
    return this.#jobs.endOfLog(pod, signal).catch((error: unknown) => {
      if (signal.aborted) throw error;
      logger.debug('no log of a backup', { pod: pod?.metadata.name, error });
      return undefined;
    });
  }

  async #carryOut(plan: BackupsPlan, signal: AbortSignal): Promise<void> {
    // Before anything is stored, so that it is removed again with its object.
    for (const [backup, finalizers] of plan.finalizers) await this.#finalizers(backup, finalizers, signal);
    for (const job of plan.stop) await this.#jobs.delete(job, signal);
    for (const job of plan.start) await this.#jobs.create(job, signal);
    for (const [backup, status] of plan.statuses) await this.#tell(backup, status, signal);
    for (const backup of plan.create) await this.#jobs.create(backup, signal);
    for (const backup of plan.expire) await this.#jobs.delete(asObject(backup), signal);
  }

  async #finalizers(
    { metadata }: WhatsAppBackup,
    finalizers: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace, name, resourceVersion } = metadata;
    try {
      const written = await this.#options.client.mergePatch<KubeObject>(
        WhatsAppBackupKind,
        { namespace, name, fieldManager: FIELD_MANAGER },
        { metadata: { finalizers, resourceVersion } },
        signal,
      );
      this.#options.sources.backups.cache.observeWrite(written);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #tell(backup: WhatsAppBackup, status: WhatsAppBackupStatus, signal: AbortSignal): Promise<void> {
    const { client, recorder, sources } = this.#options;
    const options = { client, recorder, source: sources.backups, kind: WhatsAppBackupKind, ...TELLING };
    return tellStatus(options, backup, status, signal);
  }
}

const asObject = (backup: WhatsAppBackup): KubeObject => backup as unknown as KubeObject;
