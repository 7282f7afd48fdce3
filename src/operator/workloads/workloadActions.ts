import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError } from '../../base/codedError.ts';
import { isAlreadyExists, isConflict, isLostRace, isNotFound } from '../../engine/kube/apiError.ts';
import type { Applier } from '../../engine/kube/applier.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, kindOf, kinds } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import { FRESH_MS } from '../plan/decide/apiObstacle.ts';
import type { Restart } from '../plan/decide/childChange.ts';
import { replicasOf } from '../plan/decide/childChange.ts';
import type { WorkloadPlan } from '../plan/decide/workloads.ts';
import { withPassword } from '../plan/facts/databaseLogin.ts';
import { numberInUse, withNumber } from '../plan/facts/identity.ts';
import { EMPTY_JOURNAL, type Journal } from '../plan/facts/journal.ts';
import { rememberedSecrets } from '../plan/facts/managedTls.ts';
import {
  APPROVED_GENERATION,
  FIELD_MANAGER,
  generatedSecretNames,
  HANDOVER_MANAGER,
  names,
  sharedSecretNames,
} from '../plan/facts/names.ts';
import type { ApiObservation, Observation } from '../plan/facts/observed.ts';
import type { SecretMend } from '../plan/facts/secretGaps.ts';
import type { SecretObject } from '../plan/facts/secrets.ts';
import { type Child, childKey } from '../plan/render/child.ts';
import type { WorkloadsCondition } from '../resource/conditions.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { isIncomplete, type Journals } from '../state/journalStore.ts';
import { belongsTo, isOfPredecessor } from '../state/ownership.ts';
import { ABSENTABLE_KINDS, type StackSources } from '../state/stackSources.ts';
import { databasePassword, generateSecret } from './generatedSecrets.ts';
import { mendSecret } from './mendSecret.ts';
import { rotationNews } from './rotationNews.ts';
import { volumeNotGrowing } from './volumeNotGrowing.ts';

export interface WorkloadActionsOptions {
  readonly client: KubeClient;
  readonly applier: Applier;
  readonly journals: Journals;
  readonly sources: StackSources;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  /** The last look at the API of each stack, by `namespace/name`. */
  readonly observations: ReadonlyMap<string, ApiObservation>;
}

/** Errors, by the condition that they turn False. */
export type Problems = ReadonlyMap<WorkloadsCondition, unknown>;

export interface Outcome {
  readonly problems: Problems;
  /** Another client was faster: the next pass plans anew. */
  readonly race: unknown;
}

/** Carries out a plan. */
export class WorkloadActions {
  readonly #options: WorkloadActionsOptions;

  constructor(options: WorkloadActionsOptions) {
    this.#options = options;
  }

  /** Carries out everything it can: if one part fails, the others go on. */
  async carryOut(
    plan: WorkloadPlan,
    observed: Observation,
    subject: KubeObject,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const found = new Map<WorkloadsCondition, unknown[]>();
    let race: unknown;
    const attemptFor = (blames: WorkloadsCondition) => async (act: () => Promise<void>) => {
      try {
        await act();
      } catch (error) {
        if (signal.aborted) throw error;
        if (isLostRace(error)) race = error;
        else found.set(blames, [...(found.get(blames) ?? []), error]);
      }
    };
    const outcome = (): Outcome => ({
      problems: new Map([...found].map(([condition, errors]) => [condition, together(errors)])),
      race,
    });
    // The plan starts nothing that reads a Secret before the Secret is there.
    for (const name of plan.generate)
      await attemptFor('DatabaseReady')(() => this.#generate(observed.resource, name, signal));
    for (const gap of plan.mend)
      await attemptFor('DatabaseReady')(() => this.#mend(gap, observed, subject, signal));
    let isRemembered = false;
    await attemptFor('DatabaseReady')(async () => {
      await this.#remember(plan, observed, signal);
      isRemembered = true;
    });
    // Nothing may start that the journal does not know.
    if (!isRemembered) return outcome();
    if (plan.rollout?.entry?.isStopped && !observed.journal?.rollout?.isStopped)
      this.#options.recorder.record(subject, {
        type: 'Warning',
        reason: 'RolloutStopped',
        message: `the rollout made no progress for ${observed.resource.spec.upgrade.deadlineSeconds} s, so the operator stopped it; the condition Progressing says how to go on`,
      });
    const rotated = rotationNews(observed.journal?.passwordRotation, plan.passwordRotation);
    if (rotated) this.#options.recorder.record(subject, { type: 'Normal', ...rotated });
    for (const { blames, ...step } of plan.steps)
      await this.#carryOutStep(step, observed, subject, { attempt: attemptFor(blames), signal });
    return outcome();
  }

  async #carryOutStep(
    step: Omit<WorkloadPlan['steps'][number], 'blames'>,
    observed: Observation,
    subject: KubeObject,
    {
      attempt,
      signal,
    }: { readonly attempt: (act: () => Promise<void>) => Promise<void>; readonly signal: AbortSignal },
  ): Promise<void> {
    const isCurrent = () => this.#isCurrent(observed.resource);
    for (const object of step.remove)
      await attempt(async () => {
        if (isCurrent()) await this.#remove(object, signal);
      });
    // Applied without a number that nobody else holds, a Deployment would shrink to one pod.
    const kept = new Set(step.handOver.map(childKey));
    for (const live of step.handOver)
      await attempt(async () => {
        await this.#handOver(live, signal);
        kept.delete(childKey(live));
      });
    for (const child of step.apply.filter(({ object }) => !kept.has(childKey(object))))
      await attempt(async () => {
        const key = childKey(child.object);
        const reason = step.rolls.get(key);
        const live = observed.children.get(key);
        const isFewer = live !== undefined && replicasOf(child.object) < replicasOf(live);
        if ((reason !== undefined || isFewer) && !isCurrent()) return;
        await this.#apply(child, observed, subject, signal);
        if (reason !== undefined) this.#announce(subject, key, reason);
      });
    for (const { live, replicas } of step.scale)
      await attempt(async () => {
        if (replicas >= replicasOf(live) || isCurrent()) await this.#patch(live, { replicas }, signal);
      });
    for (const restart of step.restart)
      await attempt(async () => {
        if (!restart.pod.ready || (isCurrent() && this.#isLastLook(observed)))
          await this.#restart(restart, subject, signal);
      });
  }

  /**
   * Whether the user still wants what the plan was made for. Writes of this pass may have taken long, and what interrupts
   * traffic must not follow a generation that is gone, or an approval. The new one causes the next pass.
   */
  #isCurrent({ metadata }: Observation['resource']): boolean {
    const cached = this.#options.sources.stacks.cache.get(`${metadata.namespace}/${metadata.name}`);
    const approved = cached?.metadata.annotations?.[APPROVED_GENERATION];
    return (
      cached?.metadata.generation === metadata.generation &&
      approved === metadata.annotations[APPROVED_GENERATION]
    );
  }

  /**
   * Whether the API has been asked just now, and not again since. Writes of this pass may have taken long. The ticket stays,
   * and the next pass decides about its pod again.
   */
  #isLastLook({ resource, api }: Observation): boolean {
    const { clock, observations } = this.#options;
    const { namespace, name } = resource.metadata;
    return observations.get(`${namespace}/${name}`) === api && (!api || clock.now() - api.atMs <= FRESH_MS);
  }

  /** Records the generated Secrets and the pinned release in the journal, before anything that reads them starts. */
  async #remember(plan: WorkloadPlan, observed: Observation, signal: AbortSignal): Promise<void> {
    const { resource, journal = EMPTY_JOURNAL, children } = observed;
    const present = generatedSecretNames(resource).filter(
      (name) => children.has(`Secret/${name}`) || this.#isCached(resource, name),
    );
    const generatedWith = (known: readonly string[]) => rememberedSecrets(resource, known, present);
    const isKnown = hashOf(generatedWith(journal.generated)) === hashOf(journal.generated);
    const { schemaVersion, schemaDone, databaseLogin, passwordRotation } = plan;
    const next = {
      release: plan.release ?? journal.release,
      schemaVersion,
      schemaDone,
      databaseLogin,
      passwordRotation,
      rollout: plan.rollout ? plan.rollout.entry : journal.rollout,
    };
    const numbered = (current: Journal): Journal =>
      numberInUse(observed) ? current : withNumber(current, resource);
    const isNumberKnown = hashOf(numbered(journal)) === hashOf(journal);
    const known = {
      release: journal.release,
      schemaVersion: journal.schemaVersion,
      schemaDone: journal.schemaDone,
      databaseLogin: journal.databaseLogin,
      passwordRotation: journal.passwordRotation,
      rollout: journal.rollout,
    };
    const secret = children.get(`Secret/${names(resource.metadata.name).journal}`);
    const isWritten = secret === undefined || !isIncomplete(secret as SecretObject, journal);
    if (isKnown && isNumberKnown && isWritten && hashOf(known) === hashOf(next)) return;
    const remember = (current: Journal): Journal => {
      // Another process may have written a ticket, or a password, since the plan was made; this one must not replace it.
      if (decisionsOf(current) !== decisionsOf(journal)) throw outpaced(resource);
      return {
        ...numbered(current),
        generated: generatedWith(current.generated),
        ...next,
        passwordRotation: withPassword(passwordRotation, databasePassword),
      };
    };
    await this.#options.journals.update(resource, remember, signal);
  }

  async #apply(child: Child, observed: Observation, subject: KubeObject, signal: AbortSignal): Promise<void> {
    const { resource } = observed;
    const live = observed.children.get(childKey(child.object));
    if (live?.metadata.deletionTimestamp) return;
    if (live && isOfPredecessor(resource, live)) throw ofPredecessor(live);
    const mayRecreate = RECREATABLE.has(child.object.kind);
    const request = { desired: child.object, live, controlled: belongsTo(resource), mayRecreate, subject };
    const result = await this.#options.applier.ensure(request, signal).catch((error: unknown) => {
      if (isNotFound(error) && isOptional(child.object)) throw kindMissing(child.object, error);
      throw volumeNotGrowing(resource, child.object, live, error) ?? error;
    });
    const { outcome, object } = result;
    if (outcome !== 'unchanged' && object !== live) this.#cacheOf(object)?.observeWrite(object);
    // The server knows the kind, and only the watch sees what others say about the object, such as a Gateway.
    this.#sourceOf(child.object)?.lookAgain(resource.metadata.namespace);
    if (outcome === 'contested') throw contested(object, result.contested);
  }

  async #patch(live: KubeObject, spec: object, signal: AbortSignal): Promise<KubeObject> {
    const { namespace = '', name } = live.metadata;
    const { client } = this.#options;
    const written = await client.mergePatch<KubeObject>(kindOf(live), { namespace, name }, { spec }, signal);
    this.#cacheOf(written)?.observeWrite(written);
    return written;
  }

  /**
   * Makes another manager own the number of pods, which stays as it is. The resource version makes the request fail if
   * somebody has changed the number since.
   */
  async #handOver(live: KubeObject, signal: AbortSignal): Promise<void> {
    const { apiVersion, kind } = live;
    const { namespace = '', name, resourceVersion } = live.metadata;
    const { replicas } = live.spec as { readonly replicas?: number };
    const written = await this.#options.client.apply<KubeObject>(
      {
        apiVersion,
        kind,
        metadata: { namespace, name, ...(resourceVersion ? { resourceVersion } : {}) },
        spec: { replicas },
      },
      { fieldManager: HANDOVER_MANAGER, force: true },
      signal,
    );
    this.#cacheOf(written)?.observeWrite(written);
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
    const key = `${resource.metadata.namespace}/${name}`;
    // Another stack, or the user, may have made it.
    const isShared = sharedSecretNames(resource).includes(name);
    if (this.#options.sources.secrets.cache.get(key)) {
      if (isShared) return;
      throw foreignSecret(resource, name);
    }
    const secret = await generateSecret(resource, name);
    try {
      const made = await this.#options.client.create(secret, { fieldManager: FIELD_MANAGER }, signal);
      this.#cacheOf(made)?.observeWrite(made);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      if (isShared) return;
      throw foreignSecret(resource, name);
    }
  }

  async #mend(
    gap: SecretMend,
    observed: Observation,
    subject: KubeObject,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, recorder } = this.#options;
    const seen = observed.children.get(`Secret/${gap.name}`);
    const mended = await mendSecret(client, observed.resource, gap, seen, signal);
    if (!mended) return;
    this.#cacheOf(mended.written)?.observeWrite(mended.written);
    if (gap.isRotated) return;
    recorder.record(subject, { type: 'Warning', reason: 'FieldReclaimed', message: mended.message });
  }

  #isCached({ metadata }: WhatsAppDeployment, name: string): boolean {
    return this.#options.sources.children.some(
      ({ kind, cache }) => kind.kind === 'Secret' && cache.get(`${metadata.namespace}/${name}`) !== undefined,
    );
  }

  #cacheOf(object: KubeObject) {
    return this.#sourceOf(object)?.cache;
  }

  #sourceOf({ kind }: KubeObject) {
    return this.#options.sources.children.find((source) => source.kind.kind === kind);
  }
}

const isOptional = ({ kind }: KubeObject): boolean => ABSENTABLE_KINDS.some((known) => known.kind === kind);

const decisionsOf = ({ rollout, passwordRotation }: Journal): string => hashOf([rollout, passwordRotation]);

const outpaced = ({ metadata: { name } }: WhatsAppDeployment): CodedError =>
  new CodedError('Conflict', `WhatsAppDeployment ${name} went on in another process; planning again`);

const kindMissing = ({ kind, apiVersion, metadata }: KubeObject, cause: unknown): CodedError =>
  new CodedError(
    'KindMissing',
    `${kind} ${metadata.name}: the cluster does not serve ${apiVersion} ${kind}; install its CustomResourceDefinition, or remove the field of spec that needs it`,
    { cause },
  );

/** Kinds without data, which may be deleted and made again. Jobs may not: a deleted Job runs again. */
const RECREATABLE: ReadonlySet<string> = new Set([
  'Service',
  'ServiceAccount',
  'StatefulSet',
  'Deployment',
  'PodDisruptionBudget',
  'NetworkPolicy',
  'Certificate',
  'PodMonitor',
  'HTTPRoute',
  'TLSRoute',
  'BackendTLSPolicy',
  'Ingress',
  'ConfigMap',
  'HorizontalPodAutoscaler',
]);

/** One error for all that failed in a step, so that a person can mend all of it at once. */
function together(errors: readonly unknown[]): unknown {
  const [first, ...others] = errors;
  if (others.length === 0 || !(first instanceof CodedError)) return first;
  const message = [...new Set(errors.map(describeError))].join('; ');
  return new CodedError(first.code, message, { retriable: first.retriable });
}

const foreignSecret = ({ metadata }: WhatsAppDeployment, name: string): CodedError =>
  new CodedError(
    'NotControlled',
    `Secret ${name} exists and is not part of WhatsAppDeployment ${metadata.name}; create the WhatsAppDeployment under another name, or the Secret`,
  );

const ofPredecessor = ({ kind, metadata }: KubeObject): CodedError =>
  new CodedError(
    'NotControlled',
    `${kind} ${metadata.name} still belongs to the deleted WhatsAppDeployment of the same name; waiting until Kubernetes has deleted it`,
  );

const contested = ({ kind, metadata: { name } }: KubeObject, what: string): CodedError =>
  new CodedError(
    'Contested',
    `${kind} ${name}: ${what}, again after the operator had set it back; stop whoever writes it: kubectl get ${kind.toLowerCase()} ${name} -o yaml --show-managed-fields`,
  );
