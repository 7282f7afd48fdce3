import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Reconcile } from '../../engine/controller/controller.ts';
import { ApiError, isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf } from '../../engine/kube/kubeObject.ts';
import type { FleetChange } from '../plan/fleet/fleetChange.ts';
import { fleetKey } from '../plan/fleet/fleetTarget.ts';
import { planFleet } from '../plan/fleet/planFleet.ts';
import type { MessageCount } from '../plan/fleet/stackStage.ts';
import type { WhatsAppFleet, WhatsAppFleetStatus } from '../resource/whatsAppFleet.ts';
import { WhatsAppFleetKind } from '../state/stackSources.ts';
import { type TellStatusOptions, tellStatus } from '../state/tellStatus.ts';
import { MessageTally } from './messageTally.ts';
import { type FleetsContext, observeFleet } from './observeFleet.ts';

export interface FleetsReconcilerOptions extends Omit<FleetsContext, 'messages' | 'refused'> {
  readonly client: KubeClient;
  /** Writes the stacks of a fleet, which may be in namespaces on which other replicas work. */
  readonly clientOf: (fleet: WhatsAppFleet) => KubeClient;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  /** Messages that a stack has counted since its nodes started. */
  readonly counters: (stack: string) => MessageCount | undefined;
}

/** An answer that stays the same until somebody changes the stack, the fleet or the rights of the operator. */
const isRefusal = (error: unknown): error is ApiError =>
  error instanceof ApiError &&
  !error.retriable &&
  (error.status !== 409 ||
    (error.details.causes ?? []).some(({ reason }) => reason === 'FieldManagerConflict'));

const TELLING: Pick<TellStatusOptions, 'fieldManager' | 'eventOf'> = {
  fieldManager: 'waba-operator-fleets',
  eventOf: ({ type, status, reason, message }) => {
    if (reason === 'NotHalted') return undefined;
    return type === 'Halted' && status === 'True'
      ? { type: 'Warning', reason: 'FleetHalted', message }
      : { type: 'Normal', reason: `Fleet${reason}`, message };
  },
};

/** What the API server said to a change, and of which generation of the fleet. */
interface Refusal {
  readonly generation: number;
  readonly message: string;
}

/** Brings changes to the stacks of a fleet, ring by ring, and halts at the first that fails. */
export class FleetsReconciler {
  readonly #options: FleetsReconcilerOptions;
  readonly #tally = new MessageTally();
  readonly #refusals = new Map<string, Map<string, Refusal>>();
  readonly #context: FleetsContext;

  constructor(options: FleetsReconcilerOptions) {
    this.#options = options;
    this.#context = {
      ...options,
      messages: (key, change) => this.#tally.count(key, change, options.counters(key)),
      refused: ({ metadata }, stack) => {
        const refusal = this.#refusals.get(fleetKey(metadata))?.get(stack);
        return refusal?.generation === metadata.generation ? refusal.message : undefined;
      },
    };
  }

  /** Forgets a stack that is gone. */
  readonly forget = (stack: string): void => this.#tally.forget(stack);

  /** @param key of the fleet, `namespace/name` */
  readonly reconcile: Reconcile = async (key, signal, logger) => {
    const observed = observeFleet(key, this.#context, this.#options.clock.now());
    if (!observed) {
      this.#refusals.delete(key);
      return {};
    }
    const { fleet, nowMs } = observed;
    const { changes, status, againMs } = planFleet(observed);
    // First, so that no process that ends in between leaves a stack that changed before its rollout began.
    await this.#tell(fleet, status, signal);
    for (const change of changes) await this.#change(fleet, change, signal, logger);
    // What was written changes the plan, also where the watch brings nothing: a refusal is only known here.
    if (changes.length > 0) return { requeueAfterMs: 0 };
    return againMs === undefined ? {} : { requeueAfterMs: Math.max(0, againMs - nowMs) };
  };

  async #change(
    fleet: WhatsAppFleet,
    { object, manager, force }: FleetChange,
    signal: AbortSignal,
    logger: Logger,
  ): Promise<void> {
    const stack = keyOf(object);
    try {
      const written = await this.#options
        .clientOf(fleet)
        .apply<KubeObject>(object, { fieldManager: manager, force }, signal);
      this.#options.sources.stacks.cache.observeWrite(written);
      logger.info('changed a stack', { stack, version: fleet.spec.version });
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isRefusal(error)) throw error;
      const known = this.#refusals.get(fleetKey(fleet.metadata)) ?? new Map<string, Refusal>();
      known.set(stack, { generation: fleet.metadata.generation, message: error.message });
      this.#refusals.set(fleetKey(fleet.metadata), known);
    }
  }

  #tell(fleet: WhatsAppFleet, status: WhatsAppFleetStatus, signal: AbortSignal): Promise<void> {
    const { client, recorder, sources } = this.#options;
    const options = { client, recorder, source: sources.fleets, kind: WhatsAppFleetKind, ...TELLING };
    return tellStatus(options, fleet, status, signal);
  }
}
