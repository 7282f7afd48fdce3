import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Reconcile } from '../../engine/controller/controller.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import { type BackupsPlan, planBackups } from '../plan/decide/backups.ts';
import { FIELD_MANAGER } from '../plan/facts/names.ts';
import { BACKUP_KIND, type WhatsAppBackup, type WhatsAppBackupStatus } from '../resource/whatsAppBackup.ts';
import { API_VERSION } from '../resource/whatsAppDeployment.ts';
import type { PodObject } from '../state/podObject.ts';
import { WhatsAppBackupKind } from '../state/stackSources.ts';
import { AgentJobs } from './agentJobs.ts';
import { jobReport, workingPod } from './jobReport.ts';
import { type BackupsContext, observeBackups } from './observeBackups.ts';

export interface BackupsReconcilerOptions extends BackupsContext {
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
}

const STATUS_MANAGER = 'waba-operator-backups';

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

  async #tell(backup: WhatsAppBackup, status: WhatsAppBackupStatus, signal: AbortSignal): Promise<void> {
    const { namespace, name } = backup.metadata;
    const { client, sources, recorder } = this.#options;
    if (hashOf(status) === hashOf(backup.status ?? {})) return;
    try {
      const written = await client.apply<KubeObject>(
        { apiVersion: API_VERSION, kind: BACKUP_KIND, metadata: { namespace, name }, status },
        { fieldManager: STATUS_MANAGER, force: true, subresource: 'status' },
        signal,
      );
      sources.backups.cache.observeWrite(written);
    } catch (error) {
      // It went with its finalizer.
      if (isNotFound(error)) return;
      throw error;
    }
    const before = backup.status?.conditions ?? [];
    for (const { type, status: value, reason, message } of status.conditions ?? []) {
      if (before.some((condition) => condition.type === type && condition.reason === reason)) continue;
      const isBad = value === 'False' || reason === 'RemovalFailed' || reason === 'PodProblem';
      recorder.record(asObject(backup), {
        type: isBad ? 'Warning' : 'Normal',
        reason: `Backup${reason.replace(/^Backup/, '')}`,
        message: message.slice(0, 1024),
      });
    }
  }
}

const asObject = (backup: WhatsAppBackup): KubeObject => backup as unknown as KubeObject;
