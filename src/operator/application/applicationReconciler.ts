import type { Clock } from '../../base/clock.ts';
import type { GatewayClient } from '../../client/gatewayClient.ts';
import type { Reconcile } from '../../engine/controller/controller.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import type { CollectTarget } from '../exporter/readCounters.ts';
import { isPlanOnly, ownAnnotations } from '../plan/facts/names.ts';
import type { ApiObservation, Observation } from '../plan/facts/observed.ts';
import { stamp, type Verdict, waitingFor, withLastKnown } from '../plan/tell/conditions.ts';
import { registrationState } from '../plan/tell/registrationState.ts';
import { APPLICATION_CONDITIONS, isRequired } from '../resource/conditions.ts';
import type { WhatsAppDeploymentStatus } from '../resource/status.ts';
import { parseWhatsAppDeployment, type WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { type ObserveContext, observe } from '../state/observe.ts';
import type { StatusWriter } from '../state/statusWriter.ts';
import { RefusedCalls } from './refusedCalls.ts';
import type { StackSessions } from './stackSession.ts';
import { type Findings, runSteps } from './steps.ts';
import type { DriftReport } from './synchronise.ts';
import type { WebhookCheck } from './webhook.ts';

export interface ApplicationOptions extends ObserveContext {
  readonly sessions: StackSessions;
  readonly webhooks: WebhookCheck;
  readonly gateways: Pick<GatewayClient, 'status'>;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: () => number;
  /** Writes status under the application controller's own field manager. */
  readonly status: StatusWriter;
  /** Called with what the API reported; undefined if it could not be reached. */
  readonly onObservation: (key: string, observation: ApiObservation | undefined) => void;
  /** Called with how to read a stack's counters; undefined once the stack is gone. */
  readonly onTarget: (key: string, target: CollectTarget | undefined) => void;
  readonly onDrift: (resource: WhatsAppDeployment, report: DriftReport) => void;
}

/** Nobody answers in a stack that hibernates. What its conditions said, the status keeps. */
const NOT_LOOKED_AT = Object.fromEntries(
  APPLICATION_CONDITIONS.map((type) => [type, waitingFor(type, 'WorkloadsReady')]),
) as Findings['verdicts'];

/** How often a stack is observed: when it has settled, and while a change is under way. */
const INTERVALS = { settledMs: 30_000, busyMs: 2_000 } as const;

/** Reconciles a stack through its API: log in, configure, register, report. */
export class ApplicationReconciler {
  readonly #options: ApplicationOptions;
  /** Stacks that had settled at the last pass, in which circumstances, and when to observe them again. */
  readonly #settled = new Map<string, { readonly circumstances: string; readonly untilMs: number }>();

  readonly #refused = new Map<string, RefusedCalls>();

  constructor(options: ApplicationOptions) {
    this.#options = options;
  }

  readonly reconcile: Reconcile = async (key, signal) => {
    const { sources } = this.#options;
    const stored = sources.stacks.cache.get(key);
    const parsed = stored && parseWhatsAppDeployment(stored);
    if (!parsed?.ok || parsed.resource.metadata.deletionTimestamp) {
      this.forget(key);
      return {};
    }
    const { resource } = parsed;
    // The workloads controller reports it to the user.
    if (this.#options.missing(resource.metadata.namespace).length > 0) return {};
    if (resource.spec.paused || isPlanOnly(resource)) return {};
    if (resource.spec.hibernated) {
      this.forget(key);
      await this.#writeStatus(resource, NOT_LOOKED_AT, signal);
      return {};
    }
    const observed = await observe(resource, this.#options, signal);
    const circumstances = circumstancesOf(observed);
    const untilMs = this.#settledUntil(key, circumstances);
    if (untilMs !== undefined) return { requeueAfterMs: untilMs - this.#options.clock.monotonic() };
    const { verdicts, retryAfterMs } = await this.#visit(key, observed, signal);
    await this.#writeStatus(resource, verdicts, signal);
    const settled =
      Object.values(verdicts).every(({ type, status }) => status === 'True' || !isRequired(type)) &&
      resource.status?.rollout === undefined;
    const intervalMs =
      (settled ? INTERVALS.settledMs : INTERVALS.busyMs) * (0.9 + 0.2 * this.#options.random());
    const requeueAfterMs = Math.min(retryAfterMs, intervalMs);
    if (settled)
      this.#settled.set(key, { circumstances, untilMs: this.#options.clock.monotonic() + requeueAfterMs });
    else this.#settled.delete(key);
    return { requeueAfterMs };
  };

  /** Forgets a stack that is gone, that hibernates, or that another replica has taken over. */
  forget(key: string): void {
    const { sessions, webhooks, onObservation, onTarget } = this.#options;
    sessions.forget(key);
    webhooks.forget(key);
    this.#settled.delete(key);
    this.#refused.delete(key);
    onObservation(key, undefined);
    onTarget(key, undefined);
  }

  /** Until when the stack need not be observed again, if nothing relevant has changed. */
  #settledUntil(key: string, circumstances: string): number | undefined {
    const last = this.#settled.get(key);
    const isFresh = last !== undefined && this.#options.clock.monotonic() < last.untilMs;
    return isFresh && last.circumstances === circumstances ? last.untilMs : undefined;
  }

  #visit(key: string, observed: Observation, signal: AbortSignal): Promise<Findings> {
    const { clock, journals, sessions, webhooks, gateways, onObservation, onTarget, onDrift } = this.#options;
    const refused = this.#refused.get(key) ?? new RefusedCalls(clock);
    this.#refused.set(key, refused);
    return runSteps(
      {
        key,
        observed,
        journals,
        sessions,
        refused,
        nowMs: clock.now(),
        onObservation: (api) => onObservation(key, api),
        onTarget: (target) => onTarget(key, target),
      },
      { webhooks, gateways, onDrift: (report) => onDrift(observed.resource, report) },
      signal,
    );
  }

  async #writeStatus(
    resource: WhatsAppDeployment,
    verdicts: Findings['verdicts'],
    signal: AbortSignal,
  ): Promise<void> {
    const { name, namespace, generation } = resource.metadata;
    const { sources, journals, clock, status, webhooks } = this.#options;
    // This pass or the other controller may have changed the resource meanwhile.
    const current = parseWhatsAppDeployment(sources.stacks.cache.get(`${namespace}/${name}`));
    const previous = (current.ok ? current.resource : resource).status;
    const entry = journals.read(resource)?.registration;
    const registration: WhatsAppDeploymentStatus['registration'] = {
      state: registrationState(entry?.phase, verdicts.Registered),
      ...(entry?.verifiedName ? { verifiedName: entry.verifiedName } : {}),
      ...(entry?.registeredAt ? { registeredAt: entry.registeredAt } : {}),
    };
    const before = previous?.conditions ?? [];
    this.#announce(resource, verdicts.BuildCurrent, before);
    const told = Object.values(verdicts).map((verdict) => withLastKnown(verdict, before));
    const conditions = stamp(told, before, generation, clock.now());
    const checked = webhooks.answeredRequest(`${namespace}/${name}`);
    const own = { conditions, registration, ...(checked ? { webhook: { checked } } : {}) };
    await status.write(resource, previous, own, signal);
  }

  /** Records one event per warning about an expiring build: each warning has a new reason. */
  #announce(
    resource: WhatsAppDeployment,
    build: Verdict,
    previous: readonly { readonly type: string; readonly reason: string }[],
  ): void {
    const before = previous.find(({ type }) => type === 'BuildCurrent')?.reason;
    if (!/^Expire/.test(build.reason) || build.reason === before) return;
    const { reason, message } = build;
    this.#options.recorder.record(resource as unknown as KubeObject, { type: 'Warning', reason, message });
  }
}

/** Everything that a pass depends on, except the answers of the stack. */
function circumstancesOf({ resource, pods, referenced, journal, children }: Observation): string {
  const { uid, generation, annotations } = resource.metadata;
  const secrets = [...children.values()].filter(({ kind }) => kind === 'Secret');
  return hashOf([
    [uid, generation, ownAnnotations(annotations)],
    pods,
    [...referenced.values()],
    journal ?? null,
    secrets.map(({ metadata }) => [metadata.name, metadata.resourceVersion]),
    // Included, so that a deleted status is written again immediately.
    resource.status?.conditions?.filter(({ type }) =>
      APPLICATION_CONDITIONS.some((known) => known === type),
    ) ?? null,
    resource.status?.registration ?? null,
    resource.status?.rollout ?? null,
  ]);
}
