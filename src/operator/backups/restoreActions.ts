import { CodedError } from '../../base/codedError.ts';
import { ApiError, isAlreadyExists } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import type { RestoreEnd, RestorePlan } from '../plan/decide/restore.ts';
import type { RestoredSecret } from '../plan/decide/restoredSecrets.ts';
import { FIELD_MANAGER, secretLabels } from '../plan/facts/names.ts';
import type { RestoreTask } from '../plan/facts/restore.ts';
import { isBlank, named } from '../plan/facts/restoreStage.ts';
import type { SecretObject } from '../plan/facts/secrets.ts';
import { mediaRestored } from '../plan/tell/restoreChecks.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { Journals } from '../state/journalStore.ts';
import type { StackSources } from '../state/stackSources.ts';
import { AgentJobs } from './agentJobs.ts';

export interface RestoreActionsOptions {
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly journals: Journals;
  readonly sources: StackSources;
}

/** What a restore writes. Each action may have been done before by a pass that was interrupted. */
export class RestoreActions {
  readonly #options: RestoreActionsOptions;
  readonly #jobs: AgentJobs;

  constructor(options: RestoreActionsOptions) {
    this.#options = options;
    this.#jobs = new AgentJobs(options);
  }

  async start(
    resource: WhatsAppDeployment,
    job: KubeObject,
    task: RestoreTask,
    signal: AbortSignal,
  ): Promise<void> {
    // Others than that of the databases replace nothing.
    if (task !== 'restore') return void (await this.#jobs.create(job, signal));
    await this.#count(resource, 1, signal);
    let isMade = false;
    try {
      isMade = await this.#jobs.create(job, signal);
    } catch (error) {
      // Without a clear answer, the Job may be there.
      isMade = !(error instanceof ApiError && error.status < 500);
      throw error;
    } finally {
      if (!isMade) await this.#count(resource, -1, signal);
    }
  }

  /**
   * Counts the Jobs that may have written. Compare-and-swap: a process that has not seen the end of the restore must not write
   * into a running stack.
   */
  async #count(resource: WhatsAppDeployment, by: 1 | -1, signal: AbortSignal): Promise<void> {
    await this.#options.journals.update(
      resource,
      (journal) => {
        if (journal.restore?.phase !== 'Databases') throw outpaced(resource);
        return { ...journal, restore: { ...journal.restore, jobs: journal.restore.jobs + by } };
      },
      signal,
    );
  }

  /**
   * Writes the Secrets, and the journal last: with it, the stack counts as one that has data.
   * @returns the name of a Secret that exists with other values, which stops it
   */
  async bring(
    resource: WhatsAppDeployment,
    { secrets, journal }: NonNullable<RestorePlan['bring']>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    for (const secret of secrets) if (!(await this.#write(resource, secret, signal))) return secret.name;
    const begin = (current: typeof journal) => {
      if (!isBlank(current)) throw outpaced(resource);
      return journal;
    };
    await this.#options.journals.update(resource, begin, signal);
    return undefined;
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
      this.#options.sources.secretsOfStacks.cache.observeWrite(made);
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const live = await client.get<SecretObject>(kinds.Secret, namespace, name, signal);
      return hashOf([live.data]) === hashOf([data]);
    }
  }

  /** Puts the end of a step into the journal. */
  async finish(
    resource: WhatsAppDeployment,
    { phase, media }: RestoreEnd,
    signal: AbortSignal,
  ): Promise<void> {
    const { journals, recorder, sources } = this.#options;
    const { restore } = await journals.update(
      resource,
      (journal) => {
        const entry = journal.restore;
        if (entry?.phase !== phase) throw outpaced(resource);
        const next = phase === 'Databases' && entry.hasMedia ? 'Media' : 'Done';
        return { ...journal, restore: { ...entry, phase: next, ...(media ? { media } : {}) } };
      },
      signal,
    );
    const { namespace, name } = resource.metadata;
    const stored = sources.stacks.cache.get(`${namespace}/${name}`);
    if (!restore || !stored) return;
    recorder.record(stored, {
      type: 'Normal',
      reason: 'Restored',
      message:
        phase === 'Databases'
          ? `the databases of backup ${named(restore)} are restored`
          : mediaRestored(restore),
    });
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
