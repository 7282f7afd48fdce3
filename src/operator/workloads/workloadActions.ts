import { CodedError } from '../../base/codedError.ts';
import { isAlreadyExists, isNotFound } from '../../engine/kube/apiError.ts';
import type { Applier } from '../../engine/kube/applier.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kindOf } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import type { WorkloadPlan } from '../plan/decide/workloads.ts';
import { EMPTY_JOURNAL, type Journal } from '../plan/facts/journal.ts';
import { FIELD_MANAGER, generatedSecretNames } from '../plan/facts/names.ts';
import type { Observation } from '../plan/facts/observed.ts';
import { type Child, childKey } from '../plan/render/child.ts';
import type { WorkloadsCondition } from '../resource/conditions.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { Journals } from '../state/journalStore.ts';
import { belongsTo } from '../state/observe.ts';
import { OPTIONAL_KINDS, type StackSources } from '../state/stackSources.ts';
import { generateSecret } from './generatedSecrets.ts';

export interface WorkloadActionsOptions {
  readonly client: KubeClient;
  readonly applier: Applier;
  readonly journals: Journals;
  readonly sources: StackSources;
}

/** Errors, by the condition that they turn False. */
export type Problems = ReadonlyMap<WorkloadsCondition, unknown>;

/** Carries out a plan. */
export class WorkloadActions {
  readonly #options: WorkloadActionsOptions;

  constructor(options: WorkloadActionsOptions) {
    this.#options = options;
  }

  /** Applies everything it can: if one object fails, the others are applied anyway. */
  async carryOut(
    plan: WorkloadPlan,
    observed: Observation,
    subject: KubeObject,
    signal: AbortSignal,
  ): Promise<Problems> {
    for (const name of plan.generate) await this.#generate(observed.resource, name, signal);
    await this.#remember(plan, observed, signal);
    const problems = new Map<WorkloadsCondition, unknown>();
    for (const { blames, apply, remove } of plan.steps) {
      for (const object of remove) await this.#remove(object, signal);
      for (const child of apply) {
        try {
          await this.#apply(child, observed, subject, signal);
        } catch (error) {
          if (signal.aborted) throw error;
          if (!problems.has(blames)) problems.set(blames, error);
        }
      }
    }
    return problems;
  }

  /** Records the generated Secrets and the pinned release in the journal, before anything that reads them starts. */
  async #remember(
    { release }: WorkloadPlan,
    { resource, journal = EMPTY_JOURNAL, children }: Observation,
    signal: AbortSignal,
  ): Promise<void> {
    const present = generatedSecretNames(resource).filter(
      (name) => children.has(`Secret/${name}`) || this.#isCached(resource, name),
    );
    const isKnown = present.every((name) => journal.generated.includes(name));
    if (isKnown && hashOf(journal.release) === hashOf(release)) return;
    const remember = (current: Journal): Journal => ({
      ...current,
      generated: [...new Set([...current.generated, ...present])],
      ...(release ? { release } : {}),
    });
    await this.#options.journals.update(resource, remember, signal);
  }

  async #apply(child: Child, observed: Observation, subject: KubeObject, signal: AbortSignal): Promise<void> {
    const live = observed.children.get(childKey(child.object));
    if (live?.metadata.deletionTimestamp) return;
    const request = { desired: child.object, live, controlled: belongsTo(observed.resource), subject };
    const { outcome, object } = await this.#options.applier
      .ensure(request, signal)
      .catch((error: unknown) => {
        throw isNotFound(error) && isOptional(child.object) ? kindMissing(child.object, error) : error;
      });
    if (outcome === 'written') this.#cacheOf(object)?.observeWrite(object);
    if (outcome === 'contested') throw contested(object);
  }

  async #remove(object: KubeObject, signal: AbortSignal): Promise<void> {
    if (object.metadata.deletionTimestamp) return;
    const { namespace, name, uid } = object.metadata;
    await this.#options.client
      .delete(kindOf(object), namespace, name, { uid, propagation: 'Foreground' }, signal)
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
  }

  async #generate(resource: WhatsAppDeployment, name: string, signal: AbortSignal): Promise<void> {
    const secret = await generateSecret(resource, name);
    try {
      const made = await this.#options.client.create(secret, { fieldManager: FIELD_MANAGER }, signal);
      this.#cacheOf(made)?.observeWrite(made);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      throw new CodedError(
        'NotControlled',
        `Secret ${name} exists and is not part of WhatsAppDeployment ${resource.metadata.name}; delete the Secret, or create the WhatsAppDeployment under another name`,
      );
    }
  }

  #isCached({ metadata }: WhatsAppDeployment, name: string): boolean {
    return this.#options.sources.children.some(
      ({ kind, cache }) => kind.kind === 'Secret' && cache.get(`${metadata.namespace}/${name}`) !== undefined,
    );
  }

  #cacheOf({ kind }: KubeObject) {
    return this.#options.sources.children.find((source) => source.kind.kind === kind)?.cache;
  }
}

const isOptional = ({ kind }: KubeObject): boolean => OPTIONAL_KINDS.some((known) => known.kind === kind);

const kindMissing = ({ kind, apiVersion, metadata }: KubeObject, cause: unknown): CodedError =>
  new CodedError(
    'KindMissing',
    `${kind} ${metadata.name}: the cluster does not serve ${apiVersion} ${kind}; install its CustomResourceDefinition, or remove the field of spec that needs it`,
    { cause },
  );

const contested = ({ kind, metadata: { name } }: KubeObject): CodedError =>
  new CodedError(
    'Contested',
    `${kind} ${name}: another controller keeps reverting a field; find it with kubectl get ${kind.toLowerCase()} ${name} -o yaml --show-managed-fields, and stop it from writing the field`,
  );
