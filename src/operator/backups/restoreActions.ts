import { CodedError } from '../../base/codedError.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import type { RestorePlan } from '../plan/decide/restore.ts';
import type { RestoredSecret } from '../plan/decide/restoredSecrets.ts';
import { FIELD_MANAGER, secretLabels } from '../plan/facts/names.ts';
import type { RestoreTask } from '../plan/facts/restore.ts';
import { isBlank, named } from '../plan/facts/restoreStage.ts';
import type { SecretObject } from '../plan/facts/secrets.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { Journals } from '../state/journalStore.ts';
import type { StackSources } from '../state/stackSources.ts';

export interface RestoreActionsOptions {
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly journals: Journals;
  readonly sources: StackSources;
}

/** What a restore writes. Each action may have been done before by a pass that was interrupted. */
export class RestoreActions {
  readonly #options: RestoreActionsOptions;

  constructor(options: RestoreActionsOptions) {
    this.#options = options;
  }

  async start(
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

  async stop({ metadata }: KubeObject, signal: AbortSignal): Promise<void> {
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
      this.#cacheOf('Secret')?.observeWrite(made);
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const live = await client.get<SecretObject>(kinds.Secret, namespace, name, signal);
      return hashOf([live.data]) === hashOf([data]);
    }
  }

  async finish(resource: WhatsAppDeployment, signal: AbortSignal): Promise<void> {
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
