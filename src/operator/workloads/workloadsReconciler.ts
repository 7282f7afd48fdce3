import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { inStep } from '../../base/tracing/inStep.ts';
import type { GatewayClient } from '../../client/gatewayClient.ts';
import type { Reconcile, ReconcileResult } from '../../engine/controller/controller.ts';
import type { RollBudget } from '../../engine/controller/rollBudget.ts';
import { isLostRace } from '../../engine/kube/apiError.ts';
import type { Applier } from '../../engine/kube/applier.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf } from '../../engine/kube/kubeObject.ts';
import { databaseUsers } from '../plan/decide/runningParts.ts';
import { planUnseen, planWorkloads, restarts, type WorkloadPlan } from '../plan/decide/workloads.ts';
import { clusterChoice } from '../plan/facts/databaseCluster.ts';
import { CLEANUP_FINALIZER, isPlanOnly, ownAnnotations } from '../plan/facts/names.ts';
import type { Observation } from '../plan/facts/observed.ts';
import type { PodSecurity } from '../plan/facts/podSecurity.ts';
import type { ReleaseImages } from '../plan/facts/release.ts';
import { foresee } from '../plan/foresee/foresee.ts';
import { planEntries } from '../plan/foresee/planEntries.ts';
import { nextLateMs } from '../plan/tell/backupCurrent.ts';
import { failed, reasonOf, stamp, unmet, type Verdict } from '../plan/tell/conditions.ts';
import { questionsOf } from '../plan/tell/questions.ts';
import { retold } from '../plan/tell/retold.ts';
import { stackStatus } from '../plan/tell/stackStatus.ts';
import { readyBefore, summarise } from '../plan/tell/summary.ts';
import { nextTroubleMs } from '../plan/tell/troubles.ts';
import { APPLICATION_CONDITIONS, isCause } from '../resource/conditions.ts';
import type { PlanEntry } from '../resource/status.ts';
import {
  parseWhatsAppDeployment,
  storedStatus,
  type WhatsAppDeployment,
} from '../resource/whatsAppDeployment.ts';
import { Clues } from '../state/clues.ts';
import { type ObserveContext, observe } from '../state/observe.ts';
import { WhatsAppDeploymentKind } from '../state/stackSources.ts';
import { StatusWriter } from '../state/statusWriter.ts';
import { CauseNews } from './causeNews.ts';
import { Failures } from './failures.ts';
import { finalize, wantsFinalizer } from './finalize.ts';
import { type Outcome, type Problems, WorkloadActions } from './workloadActions.ts';

export interface WorkloadsOptions extends ObserveContext {
  readonly client: KubeClient;
  readonly applier: Applier;
  readonly recorder: EventRecorder;
  /** Limits how many stacks restart pods at the same time. */
  readonly rollBudget: RollBudget;
  readonly gateways: Pick<GatewayClient, 'unsubscribe'>;
  readonly release: ReleaseImages;
  readonly podSecurity: PodSecurity;
  /** Where the operator runs. */
  readonly operatorNamespace: string;
  readonly clock: Clock;
  /** Whether the application controller works on a stack at the moment. */
  readonly isBusy: (key: string) => boolean;
}

/** Reconciles the Kubernetes objects of stacks: observe, plan, act, write status. */
export class WorkloadsReconciler {
  readonly #options: WorkloadsOptions;
  readonly #status: StatusWriter;
  /** The inputs of each stack's last pass, if it left nothing to do. */
  readonly #settled = new Map<string, { readonly inputs: readonly unknown[]; readonly untilMs: number }>();
  readonly #news = new CauseNews();
  readonly #failures = new Failures();
  readonly #clues: Clues;
  readonly #actions: WorkloadActions;

  constructor(options: WorkloadsOptions) {
    this.#options = options;
    this.#actions = new WorkloadActions(options);
    this.#clues = new Clues(options.client, options.clock);
    this.#status = new StatusWriter(options.client, options.sources.stacks, 'waba-operator-workloads');
  }

  readonly reconcile: Reconcile = async (key, signal, logger) => {
    const stored = this.#options.sources.stacks.cache.get(key);
    if (!stored) {
      this.forget(key);
      return {};
    }
    try {
      const { problem, ...result } = await this.#pass(key, stored, signal, logger);
      this.#failures.forget(key);
      // The conditions tell it already.
      if (problem !== undefined) throw new ToldProblem(problem);
      return result;
    } catch (error) {
      const cause = error instanceof ToldProblem ? error.cause : error;
      if (signal.aborted) throw cause;
      if (this.#failures.isWorthTelling(key, cause) && (isLostRace(cause) || !(error instanceof ToldProblem)))
        await this.#tell(stored, unmet('Ready', reasonOf(error), describeError(error)), signal, logger);
      if (reasonOf(cause) !== 'NamespaceTerminating') throw cause;
      logger.debug('the namespace is being deleted', { error: cause });
      return { requeueAfterMs: TERMINATING_RETRY_MS };
    }
  };

  /** Forgets a stack that is gone, or that another replica has taken over. */
  forget(key: string): void {
    this.#options.rollBudget.leave(key);
    this.#settled.delete(key);
    this.#news.forget(key);
    this.#failures.forget(key);
    this.#clues.forget(key);
  }

  async #pass(key: string, stored: KubeObject, signal: AbortSignal, logger: Logger): Promise<PassResult> {
    const parsed = parseWhatsAppDeployment(stored);
    if (!parsed.ok) {
      // The CRD of this version refuses such a resource, so another version stored it.
      const problems = parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
      const message = `this version of the operator cannot read the resource: ${problems}; correct it with kubectl edit`;
      await this.#tell(stored, unmet('Ready', 'Unreadable', message), signal, logger);
      return {};
    }
    const { resource } = parsed;
    if (resource.metadata.deletionTimestamp) {
      this.#options.rollBudget.leave(key);
      return this.#finalize(resource, stored, signal, logger);
    }
    const missing = this.#options.missing(resource.metadata.namespace);
    if (missing.length > 0) {
      await this.#writeStatus(unseen(resource), planUnseen(missing), new Map(), signal);
      return { requeueAfterMs: UNSEEN_RETRY_MS };
    }
    if (!isPlanOnly(resource)) await this.#keepFinalizer(resource, logger, signal);

    const { observed, lookAgainMs } = await inStep('observe', () =>
      this.#observe(key, resource, signal, logger),
    );
    const nowMs = this.#options.clock.now();
    const inputs = inputsOf(observed, stored, this.#options.rollBudget.holds(key));
    const settled = this.#settled.get(key);
    if (settled && isSame(settled.inputs, inputs) && nowMs < settled.untilMs)
      return settled.untilMs === Number.POSITIVE_INFINITY ? {} : { requeueAfterMs: settled.untilMs - nowMs };
    this.#settled.delete(key);
    const plan = this.#plan(key, observed, nowMs);
    const { problems, race } = isHeld(resource)
      ? NO_PROBLEMS
      : await inStep('act', () => this.#actions.carryOut(plan, observed, stored, signal));
    const deadlineMs = await inStep('status', () => this.#writeStatus(observed, plan, problems, signal));
    const [problem = race] = problems.values();
    if (problem !== undefined) return { problem };
    // Writes of this pass change the inputs, which causes another pass. A stack that waits to roll is never settled, because
    // its turn may come without a change of its inputs.
    if (restarts(plan) && !isHeld(resource)) return { requeueAfterMs: ROLLING_RETRY_MS };
    const untilMs = Math.min(
      deadlineMs ?? Number.POSITIVE_INFINITY,
      lookAgainMs ?? Number.POSITIVE_INFINITY,
      nextTroubleMs({ ...observed, nowMs }) ?? Number.POSITIVE_INFINITY,
      nextLateMs(resource, nowMs) ?? Number.POSITIVE_INFINITY,
    );
    this.#settled.set(key, { inputs, untilMs });
    return Number.isFinite(untilMs) ? { requeueAfterMs: Math.max(0, untilMs - nowMs) } : {};
  }

  /** What the caches hold, and for what does not run, its log and its events. */
  async #observe(key: string, resource: WhatsAppDeployment, signal: AbortSignal, logger: Logger) {
    const seen = await observe(resource, this.#options, signal);
    const { namespace } = resource.metadata;
    const { clues, nextMs } = await this.#clues.answer({ key, namespace }, questionsOf(seen), signal, logger);
    const observed = clues.size > 0 ? { ...seen, clues } : seen;
    const waitMs = awaitsBackups(seen) ? backupsRetryMs(seen) : undefined;
    if (waitMs !== undefined) {
      const soonMs = this.#options.clock.now() + waitMs;
      return { observed, lookAgainMs: Math.min(soonMs, nextMs ?? soonMs) };
    }
    if (seen.cluster?.access !== 'Absent') return { observed, lookAgainMs: nextMs };
    const field = clusterChoice(resource)?.field;
    if (field) this.#options.sources.clusters[field]?.lookAgain(namespace);
    // No event announces a kind that somebody installs.
    const lookAgainMs = this.#options.clock.now() + ABSENT_RETRY_MS;
    return { observed, lookAgainMs: Math.min(lookAgainMs, nextMs ?? lookAgainMs) };
  }

  async #finalize(
    resource: WhatsAppDeployment,
    stored: KubeObject,
    signal: AbortSignal,
    logger: Logger,
  ): Promise<PassResult> {
    const { ready, ...result } = await finalize(resource, stored, this.#options, signal);
    if (ready) await this.#tell(stored, ready, signal, logger);
    return result;
  }

  /** Writes another Ready, and an event if its cause is new. What cannot be told must not hide the cause in the log. */
  async #tell(
    stored: KubeObject,
    ready: Verdict<'Ready'>,
    signal: AbortSignal,
    logger: Logger,
  ): Promise<void> {
    const { generation = 1, namespace, name } = stored.metadata;
    const { sources, clock, recorder } = this.#options;
    const current = sources.stacks.cache.get(`${namespace}/${name}`) ?? stored;
    const previous = storedStatus(current);
    const status = retold(previous, ready, generation, clock.now());
    const isNew = previous?.conditions?.find(({ type }) => type === 'Ready')?.reason !== ready.reason;
    if (isNew) logger.warn('the stack is not Ready', { reason: ready.reason, message: ready.message });
    try {
      await this.#status.write(current, previous, status, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      logger.debug('status not written', { error });
      return;
    }
    if (isNew && isCause('Ready', ready.reason, true))
      recorder.record(stored, {
        type: 'Warning',
        reason: ready.reason,
        message: ready.message.slice(0, 1024),
      });
  }

  /** Holds a place in the roll budget only while running pods must restart. */
  #plan(key: string, observed: Observation, nowMs: number): WorkloadPlan {
    const { rollBudget, release, podSecurity, operatorNamespace } = this.#options;
    const planned = (mayRoll: boolean) =>
      planWorkloads({ ...observed, mayRoll, nowMs, podSecurity, operatorNamespace }, release);
    const held = isHeld(observed.resource);
    const eager = planned(true);
    const needsPlace = (eager.rollout?.needsPlace ?? false) && !held;
    const chosen = !needsPlace || rollBudget.enter(key) ? eager : planned(false);
    // A stack that is not ready again keeps its place, so that a bad change cannot break further stacks.
    const isBack = chosen.steps.some(
      ({ verdict }) => verdict.type === 'WorkloadsReady' && verdict.status === 'True',
    );
    // One that hibernates breaks nothing.
    const isDone = isBack || restarts(chosen) || observed.resource.spec.hibernated;
    if (held || (!needsPlace && isDone)) rollBudget.leave(key);
    return chosen;
  }

  /** What the operator would do without the annotation. What the stack has, only the journal tells. */
  #foresee(observed: Observation, nowMs: number): PlanEntry[] {
    const { resource, children } = observed;
    const before = children.size > 0 ? resource : undefined;
    const offered = this.#options.release;
    const { podSecurity, operatorNamespace } = this.#options;
    return planEntries(
      foresee({
        observed: { ...observed, mayRoll: true, nowMs, podSecurity, operatorNamespace },
        offered,
        before,
      }),
    );
  }

  async #keepFinalizer(resource: WhatsAppDeployment, logger: Logger, signal: AbortSignal): Promise<void> {
    const has = resource.metadata.finalizers.includes(CLEANUP_FINALIZER);
    const wants = wantsFinalizer(resource);
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
    logger.debug('finalizer changed', { wants });
  }

  async #writeStatus(
    observed: Observation,
    plan: WorkloadPlan,
    problems: Problems,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { resource } = observed;
    const { namespace, name, generation } = resource.metadata;
    // Another write of this pass may have changed the resource.
    const current = parseWhatsAppDeployment(this.#options.sources.stacks.cache.get(`${namespace}/${name}`));
    const previous = (current.ok ? current.resource : resource).status;
    const stored = previous?.conditions ?? [];
    const own = plan.steps.map(({ verdict }) =>
      problems.has(verdict.type) ? failed(verdict.type, problems.get(verdict.type)) : verdict,
    );
    const others = stored.filter(({ type }) => APPLICATION_CONDITIONS.some((known) => known === type));
    const progressing = stored.find(
      ({ type, observedGeneration }) => type === 'Progressing' && observedGeneration === generation,
    );
    const { rollout } = plan;
    const nowMs = this.#options.clock.now();
    const summary = summarise({
      observed,
      reported: [...own, ...others],
      stored,
      progressing,
      rollout,
      nowMs,
    });
    const verdicts = [...own, ...Object.values(summary)];
    const isPlanned = isPlanOnly(resource) && observed.stacks.length > 0;
    const waiting = isPlanned ? this.#foresee(observed, nowMs) : plan.steps.flatMap((step) => step.waiting);
    const status = stackStatus(observed, [...verdicts, ...others], waiting, isPlanned ? undefined : rollout);
    const conditions = stamp(verdicts, stored, generation, nowMs);
    const object = resource as unknown as KubeObject;
    await this.#status.write(object, previous, { ...status, conditions }, signal);
    for (const news of this.#news.of(keyOf(object), [...verdicts, ...others], stored))
      this.#options.recorder.record(object, news);
    const now = conditions.find(({ type }) => type === 'Progressing');
    return readyBefore({ observed, progressing: now, rollout, nowMs });
  }
}

interface PassResult extends ReconcileResult {
  /** An error that the conditions tell: the pass is repeated. */
  readonly problem?: unknown;
}

/** An error that the conditions tell already. */
class ToldProblem extends Error {
  constructor(cause: unknown) {
    super('told', { cause });
  }
}

const NO_PROBLEMS: Outcome = { problems: new Map(), race: undefined };

/** A namespace that goes takes everything with it, so there is nothing to hurry for. */
const TERMINATING_RETRY_MS = 30_000;

/** Whether the operator only reports. */
const isHeld = (resource: WhatsAppDeployment): boolean => resource.spec.paused || isPlanOnly(resource);

/** How often a rollout looks again at what no watch reports, such as the age of the last look at the API. */
const ROLLING_RETRY_MS = 2_000;

/** The database stops, or an account of it goes, once no backup uses it. */
const awaitsBackups = ({ resource, journal }: Observation): boolean =>
  resource.spec.hibernated || journal?.passwordRotation?.phase === 'Switching';

/** How soon to look again: neither the end of a pass of another controller nor the Job of a backup wakes this one. */
const backupsRetryMs = (observed: Observation): number | undefined =>
  observed.isBackingUp ? 500 : databaseUsers(observed).length > 0 ? 5_000 : undefined;

/** How often the operator looks for a kind that a stack waits for: one request. */
const ABSENT_RETRY_MS = 10_000;

/** No watch reports new permissions, so the operator checks again after this time. */
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
 * All inputs of a pass: the plan is pure, so the same inputs would change nothing again. Cached objects are frozen and
 * compared by identity; of the metadata of the resource, only the fields that the plan reads count.
 */
function inputsOf(observed: Observation, stored: KubeObject, mayRoll: boolean): readonly unknown[] {
  const { uid, generation, finalizers } = stored.metadata;
  return [
    mayRoll,
    JSON.stringify([
      uid,
      generation,
      finalizers,
      ownAnnotations(stored.metadata.annotations),
      stored.spec,
      stored.status,
    ]),
    JSON.stringify([
      observed.pods,
      observed.sharedPods,
      observed.rivals,
      observed.api,
      observed.restore,
      observed.isBackingUp,
      [...(observed.clues ?? [])],
    ]),
    observed.cluster?.access,
    observed.cluster?.object,
    ...observed.children.values(),
    ...[...observed.referenced.values()].map(({ data }) => data),
    ...(observed.backups ?? []),
    ...(observed.databaseJobs ?? []),
    // Other stacks are parsed again when only their metadata changed; that is rare enough.
    ...observed.stacks.filter(({ metadata }) => metadata.uid !== uid),
    ...[...observed.sameNumber, ...(observed.sameDatabase ?? [])].filter(
      ({ metadata }) => metadata.uid !== uid,
    ),
  ];
}

const isSame = (a: readonly unknown[] | undefined, b: readonly unknown[]): boolean =>
  a?.length === b.length && a.every((value, index) => value === b[index]);
