import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import type { ReconcileResult } from '../../engine/controller/controller.ts';
import type { RollBudget } from '../../engine/controller/rollBudget.ts';
import { isAlreadyExists, isNotFound } from '../../engine/kube/apiError.ts';
import type { Applier } from '../../engine/kube/applier.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf, kindOf } from '../../engine/kube/kubeObject.ts';
import { planUnseen, planWorkloads, type WorkloadPlan } from '../plan/decide/workloads.ts';
import { EMPTY_JOURNAL } from '../plan/facts/journal.ts';
import { CLEANUP_FINALIZER, FIELD_MANAGER, generatedSecretNames } from '../plan/facts/names.ts';
import type { Observation } from '../plan/facts/observed.ts';
import type { ReleaseImages } from '../plan/facts/stackSettings.ts';
import { type Child, childKey } from '../plan/render/child.ts';
import {
  APPLICATION_CONDITIONS,
  met,
  readiness,
  stamp,
  unmet,
  type Verdict,
} from '../plan/tell/conditions.ts';
import { stackStatus } from '../plan/tell/stackStatus.ts';
import { CONDITION_TYPES, type ConditionType } from '../resource/status.ts';
import { parseWhatsAppDeployment, type WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { belongsTo, type ObserveContext, observe } from '../state/observe.ts';
import { WhatsAppDeploymentKind } from '../state/stackSources.ts';
import { StatusWriter } from '../state/statusWriter.ts';
import { finalize } from './finalize.ts';
import { generateSecret } from './generatedSecrets.ts';
import { ReadinessNews } from './readinessNews.ts';

export interface WorkloadsOptions extends ObserveContext {
  readonly client: KubeClient;
  readonly applier: Applier;
  readonly recorder: EventRecorder;
  /** Stacks that restart pods at the same time. */
  readonly rollBudget: RollBudget;
  readonly release: ReleaseImages;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the application controller works on a stack just now. */
  readonly isBusy: (key: string) => boolean;
}

/** Kubernetes objects of stacks: observe, plan, act, status. */
export class WorkloadsReconciler {
  readonly #options: WorkloadsOptions;
  readonly #status: StatusWriter;
  /** What the last pass of each stack was made from, where it left nothing to do. */
  readonly #settled = new Map<string, readonly unknown[]>();
  readonly #news = new ReadinessNews();

  constructor(options: WorkloadsOptions) {
    this.#options = options;
    this.#status = new StatusWriter(options.client, options.sources.stacks, 'waba-operator-workloads');
  }

  readonly reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult> => {
    const stored = this.#options.sources.stacks.cache.get(key);
    if (!stored) {
      this.#options.rollBudget.leave(key);
      this.#settled.delete(key);
      this.#news.forget(key);
      return {};
    }
    const parsed = parseWhatsAppDeployment(stored);
    if (!parsed.ok) {
      // The CRD lets nothing else through, so it was stored by another version.
      const problems = parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
      this.#options.logger.warn('resource not understood', { key, problems });
      return {};
    }
    const { resource } = parsed;
    if (resource.metadata.deletionTimestamp) return finalize(resource, stored, this.#options, signal);
    const missing = this.#options.missing(resource.metadata.namespace);
    if (missing.length > 0) {
      await this.#writeStatus(unseen(resource), planUnseen(missing), undefined, signal);
      return { requeueAfterMs: UNSEEN_RETRY_MS };
    }
    await this.#keepFinalizer(resource, stored, signal);

    const observed = await observe(resource, this.#options, signal);
    const inputs = inputsOf(observed, stored, this.#options.rollBudget.holds(key));
    if (isSame(this.#settled.get(key), inputs)) return {};
    this.#settled.delete(key);
    const plan = this.#plan(key, observed);
    const problem = resource.spec.paused ? undefined : await this.#act(observed, plan, stored, signal);
    await this.#writeStatus(observed, plan, problem, signal);
    if (problem) throw problem;
    // What this pass wrote makes other inputs, and so another pass. Who waits for its turn has no other sign of it.
    if (!plan.rolls) this.#settled.set(key, inputs);
    return {};
  };

  /** Takes part in the budget only while pods that run must be restarted. */
  #plan(key: string, observed: Observation): WorkloadPlan {
    const { rollBudget, release } = this.#options;
    const plan = planWorkloads({ ...observed, mayRoll: rollBudget.holds(key) }, release);
    if (plan.rolls && !rollBudget.holds(key) && rollBudget.enter(key))
      return planWorkloads({ ...observed, mayRoll: true }, release);
    // A stack that does not come back keeps its place: what broke it must not break the rest.
    const isBack = plan.verdicts.some(({ type, status }) => type === 'WorkloadsReady' && status === 'True');
    if (!plan.rolls && isBack) rollBudget.leave(key);
    return plan;
  }

  /** What went wrong, after everything that could be done was done. */
  async #act(
    observed: Observation,
    plan: WorkloadPlan,
    subject: KubeObject,
    signal: AbortSignal,
  ): Promise<Error | undefined> {
    if (plan.generate.length > 0) await this.#generate(observed.resource, plan.generate, signal);
    await this.#recordGenerated(observed, signal);
    for (const object of plan.remove) await this.#remove(object, signal);
    let problem: Error | undefined;
    for (const child of plan.apply) {
      try {
        await this.#apply(child, observed, subject, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        problem ??= error instanceof Error ? error : new Error(String(error));
      }
    }
    return problem;
  }

  async #apply(child: Child, observed: Observation, subject: KubeObject, signal: AbortSignal): Promise<void> {
    const live = observed.children.get(childKey(child.object));
    if (live?.metadata.deletionTimestamp) return;
    const request = { desired: child.object, live, controlled: belongsTo(observed.resource), subject };
    const { outcome, object } = await this.#options.applier.ensure(request, signal);
    if (outcome === 'written') this.#cacheOf(object)?.observeWrite(object);
    if (outcome === 'contested') {
      throw new CodedError(
        'Contested',
        `${object.kind} ${object.metadata.name} is changed back by somebody else again and again; find out who (kubectl get --show-managed-fields) and let one of the two go`,
      );
    }
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

  async #generate(
    resource: WhatsAppDeployment,
    secretNames: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const name of secretNames) {
      try {
        const made = await this.#options.client.create(
          await generateSecret(resource, name),
          { fieldManager: FIELD_MANAGER },
          signal,
        );
        this.#cacheOf(made)?.observeWrite(made);
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        throw new CodedError(
          'NotControlled',
          `Secret ${name} exists and is not part of WhatsAppDeployment ${resource.metadata.name}; delete or rename it`,
        );
      }
    }
  }

  /** From now on these Secrets are expected; a stack starts nothing that reads them before. */
  async #recordGenerated({ resource, journal, children }: Observation, signal: AbortSignal): Promise<void> {
    const known = new Set(journal?.generated ?? EMPTY_JOURNAL.generated);
    const present = generatedSecretNames(resource).filter(
      (name) => children.has(`Secret/${name}`) || this.#isCached(resource, name),
    );
    if (present.every((name) => known.has(name))) return;
    await this.#options.journals.update(
      resource,
      (current) => ({ ...current, generated: [...new Set([...current.generated, ...present])] }),
      signal,
    );
  }

  #isCached({ metadata }: WhatsAppDeployment, name: string): boolean {
    return this.#options.sources.children.some(
      ({ kind, cache }) => kind.kind === 'Secret' && cache.get(`${metadata.namespace}/${name}`) !== undefined,
    );
  }

  async #keepFinalizer(resource: WhatsAppDeployment, stored: KubeObject, signal: AbortSignal): Promise<void> {
    const has = resource.metadata.finalizers.includes(CLEANUP_FINALIZER);
    const wants = resource.spec.deletionPolicy === 'Delete';
    if (has === wants) return;
    const finalizers = wants
      ? [...resource.metadata.finalizers, CLEANUP_FINALIZER]
      : resource.metadata.finalizers.filter((name) => name !== CLEANUP_FINALIZER);
    const { namespace, name, resourceVersion } = resource.metadata;
    const written = await this.#options.client.mergePatch<KubeObject>(
      WhatsAppDeploymentKind,
      { namespace, name },
      { metadata: { finalizers, resourceVersion } },
      signal,
    );
    this.#options.sources.stacks.cache.observeWrite(written);
    this.#options.logger.debug('finalizer changed', { key: keyOf(stored), wants });
  }

  async #writeStatus(
    observed: Observation,
    plan: WorkloadPlan,
    problem: Error | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { resource } = observed;
    // Another write of this reconcile may have changed it.
    const current = parseWhatsAppDeployment(
      this.#options.sources.stacks.cache.get(`${resource.metadata.namespace}/${resource.metadata.name}`),
    );
    const previous = (current.ok ? current.resource : resource).status;
    const stored = previous?.conditions ?? [];
    const { generation } = resource.metadata;
    const own: Verdict[] = problem
      ? plan.verdicts.map((verdict) =>
          verdict.type === 'WorkloadsReady'
            ? unmet('WorkloadsReady', codeOf(problem), describeError(problem))
            : verdict,
        )
      : [...plan.verdicts];
    const others = stored
      .filter(({ type }) => APPLICATION_CONDITIONS.includes(type as ConditionType))
      .map((condition) => ({ ...condition, type: condition.type as ConditionType }));
    const summary = resource.spec.paused
      ? unmet('Ready', 'Paused', 'spec.paused is true')
      : readiness([...own, ...others], generation);
    const verdicts: Verdict[] = [
      ...own,
      met('BackupCurrent', 'NotConfigured', 'no backup is asked for'),
      resource.spec.paused
        ? met('Paused', 'Paused', 'nothing is changed until spec.paused is false')
        : unmet('Paused', 'Active', 'the operator acts on this resource'),
      summary.status === 'True'
        ? unmet('Progressing', 'Settled', 'nothing is under way')
        : met('Progressing', summary.reason, summary.message),
      summary,
    ];
    const status = stackStatus(observed, [...verdicts, ...others], plan.waiting);
    const inOrder = verdicts.sort(
      (a, b) => CONDITION_TYPES.indexOf(a.type) - CONDITION_TYPES.indexOf(b.type),
    );
    const conditions = stamp(inOrder, stored, generation, this.#options.clock.now());
    await this.#status.write({ ...resource, status: previous }, { ...status, conditions }, signal);
    const before = stored.find(({ type }) => type === 'Ready')?.status;
    const object = resource as unknown as KubeObject;
    const news = this.#news.of(keyOf(object), summary, before);
    if (news) this.#options.recorder.record(object, news);
  }

  #cacheOf(object: KubeObject) {
    return this.#options.sources.children.find(({ kind }) => kind.kind === object.kind)?.cache;
  }
}

/** Rights come without an event; the watch that they allow tells the rest. */
const UNSEEN_RETRY_MS = 10_000;

const unseen = (resource: WhatsAppDeployment): Observation => ({
  resource,
  stacks: [],
  sameNumber: [],
  children: new Map(),
  pods: [],
  referenced: new Map(),
  journal: undefined,
  api: undefined,
});

/**
 * Everything that a pass is made from: the plan is pure, so that the same again has the same effect, none. Objects
 * of caches are frozen and compared by identity; of the resource only what is not bookkeeping counts.
 */
function inputsOf(observed: Observation, stored: KubeObject, mayRoll: boolean): readonly unknown[] {
  const { uid, generation, finalizers } = stored.metadata;
  return [
    mayRoll,
    JSON.stringify([uid, generation, finalizers, stored.spec, stored.status]),
    JSON.stringify([observed.pods, observed.api]),
    ...observed.children.values(),
    ...[...observed.referenced.values()].map(({ data }) => data),
    // Others that parse anew for their bookkeeping alone are rare enough.
    ...observed.stacks.filter(({ metadata }) => metadata.uid !== uid),
    ...observed.sameNumber.filter(({ metadata }) => metadata.uid !== uid),
  ];
}

const isSame = (a: readonly unknown[] | undefined, b: readonly unknown[]): boolean =>
  a?.length === b.length && a.every((value, index) => value === b[index]);

const codeOf = (error: Error): string => (error instanceof CodedError ? error.code : 'Error');
