import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../engine/kube/apiError.ts';
import type { Applier } from '../../engine/kube/applier.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, kindOf, kinds } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import { FRESH_MS } from '../plan/decide/apiObstacle.ts';
import type { Restart } from '../plan/decide/childChange.ts';
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
  readonly recorder: EventRecorder;
  readonly clock: Clock;
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
    if (plan.rollout?.entry?.isStopped && !observed.journal?.rollout?.isStopped)
      this.#options.recorder.record(subject, {
        type: 'Warning',
        reason: 'RolloutStopped',
        message: `the rollout made no progress for ${observed.resource.spec.upgrade.deadlineSeconds} s, so the operator stopped it; the condition Progressing says how to go on`,
      });
    const problems = new Map<WorkloadsCondition, unknown>();
    for (const { blames, ...step } of plan.steps) {
      const attempt = async (act: () => Promise<void>) => {
        try {
          await act();
        } catch (error) {
          if (signal.aborted) throw error;
          if (!problems.has(blames)) problems.set(blames, error);
        }
      };
      for (const object of step.remove) await this.#remove(object, signal);
      for (const child of step.apply)
        await attempt(async () => {
          await this.#apply(child, observed, subject, signal);
          const reason = step.rolls.get(childKey(child.object));
          if (reason !== undefined) this.#announce(subject, childKey(child.object), reason);
        });
      for (const { live, replicas } of step.scale)
        await attempt(async () => void (await this.#patch(live, { replicas }, signal)));
      for (const restart of step.restart)
        await attempt(async () => {
          // Writes of this pass may have taken long. The ticket stays, and the next pass decides about its pod again.
          const isStale = observed.api && this.#options.clock.now() - observed.api.atMs > FRESH_MS;
          if (!restart.pod.ready || !isStale) await this.#restart(restart, subject, signal);
        });
    }
    return problems;
  }

  /** Records the generated Secrets and the pinned release in the journal, before anything that reads them starts. */
  async #remember(
    { release, schemaVersion, rollout }: WorkloadPlan,
    { resource, journal = EMPTY_JOURNAL, children }: Observation,
    signal: AbortSignal,
  ): Promise<void> {
    const present = generatedSecretNames(resource).filter(
      (name) => children.has(`Secret/${name}`) || this.#isCached(resource, name),
    );
    const isKnown = present.every((name) => journal.generated.includes(name));
    const next = { release: release ?? journal.release, schemaVersion, rollout: rollout?.entry };
    const known = {
      release: journal.release,
      schemaVersion: journal.schemaVersion,
      rollout: journal.rollout,
    };
    if (isKnown && hashOf(known) === hashOf(next)) return;
    const remember = (current: Journal): Journal => {
      // Another process may have written a ticket since the plan was made; this one must not replace it.
      if (hashOf([current.rollout]) !== hashOf([journal.rollout])) throw outpaced(resource);
      return { ...current, generated: [...new Set([...current.generated, ...present])], ...next };
    };
    await this.#options.journals.update(resource, remember, signal);
  }

  async #apply(child: Child, observed: Observation, subject: KubeObject, signal: AbortSignal): Promise<void> {
    const stored = observed.children.get(childKey(child.object));
    if (stored?.metadata.deletionTimestamp) return;
    const live = stored && (await this.#leaveRestartsToUs(stored, signal));
    const request = { desired: child.object, live, controlled: belongsTo(observed.resource), subject };
    const { outcome, object } = await this.#options.applier
      .ensure(request, signal)
      .catch((error: unknown) => {
        throw isNotFound(error) && isOptional(child.object) ? kindMissing(child.object, error) : error;
      });
    if (outcome === 'written') this.#cacheOf(object)?.observeWrite(object);
    if (outcome === 'contested') throw contested(object);
  }

  /**
   * An earlier version left the restarts of a StatefulSet to Kubernetes, which then stores defaults that another strategy
   * forbids and that an apply does not remove.
   */
  async #leaveRestartsToUs(live: KubeObject, signal: AbortSignal): Promise<KubeObject> {
    const { updateStrategy } = (live.spec ?? {}) as { updateStrategy?: { rollingUpdate?: unknown } };
    if (live.kind !== 'StatefulSet' || !updateStrategy?.rollingUpdate) return live;
    return this.#patch(live, { updateStrategy: { type: 'OnDelete', rollingUpdate: null } }, signal);
  }

  async #patch(live: KubeObject, spec: object, signal: AbortSignal): Promise<KubeObject> {
    const { namespace = '', name } = live.metadata;
    const { client } = this.#options;
    const written = await client.mergePatch<KubeObject>(kindOf(live), { namespace, name }, { spec }, signal);
    this.#cacheOf(written)?.observeWrite(written);
    return written;
  }

  async #remove(object: KubeObject, signal: AbortSignal): Promise<void> {
    if (object.metadata.deletionTimestamp) return;
    const { namespace, name, uid, resourceVersion } = object.metadata;
    // A StatefulSet that changed since the plan was made may be needed again; the next pass decides anew.
    const preconditions =
      object.kind === 'StatefulSet' && resourceVersion ? { uid, resourceVersion } : { uid };
    await this.#options.client
      .delete(kindOf(object), namespace, name, { ...preconditions, propagation: 'Foreground' }, signal)
      .catch((error: unknown) => {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      });
  }

  /**
   * Deletes a pod, so that its StatefulSet makes it again from the current template. The preconditions make the request
   * fail if the pod has changed since it was chosen.
   */
  async #restart({ key, pod, reason }: Restart, subject: KubeObject, signal: AbortSignal): Promise<void> {
    const { name, uid, resourceVersion } = pod;
    const { namespace } = subject.metadata;
    try {
      const going = await this.#options.client.delete(
        kinds.Pod,
        namespace,
        name,
        { uid, resourceVersion },
        signal,
      );
      if (going) this.#options.sources.pods.cache.observeWrite(going);
    } catch (error) {
      // Another version of the pod: the watch reports it, and the next pass decides again.
      if (isNotFound(error) || isConflict(error)) return;
      throw error;
    }
    this.#announce(subject, `Pod ${name} of ${key}`, reason);
  }

  #announce(subject: KubeObject, what: string, reason: string): void {
    this.#options.recorder.record(subject, {
      type: 'Normal',
      reason: 'Restarting',
      message: `restarting ${what}: ${reason}`.slice(0, 1024),
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

const outpaced = ({ metadata: { name } }: WhatsAppDeployment): CodedError =>
  new CodedError(
    'Conflict',
    `the rollout of WhatsAppDeployment ${name} went on in another process; planning again`,
  );

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
