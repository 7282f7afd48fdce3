import type { PlanEntry } from '../../resource/status.ts';

/** A field of an object that changes. Values that may be secret are not shown. */
export interface FieldChange {
  /** `spec.template.spec.containers[name=coreapp].image` */
  readonly path: string;
  /** Undefined if the field is new. */
  readonly from?: unknown;
  /** Undefined if the field goes. */
  readonly to?: unknown;
}

type ForecastAction = 'Create' | 'Change' | 'Restart' | 'Remove' | 'Call';

/** One thing that happens. */
export interface ForecastEntry {
  readonly action: ForecastAction;
  /** `StatefulSet/shop-master-0`, `Pod/shop-master-0-0`, or a call: `PATCH /v1/settings/application`. */
  readonly target: string;
  readonly reason: string;
  /** Of a pod that restarts. */
  readonly role?: string | undefined;
  readonly fields?: readonly FieldChange[] | undefined;
  /** Whether it happens depends on which of two controllers is faster. */
  readonly isMaybe?: true;
}

/** Everything that happens to a stack until it has settled, if nothing fails and nobody changes anything else. */
export interface Forecast {
  readonly namespace: string;
  readonly name: string;
  /** In the order in which they happen. */
  readonly entries: readonly ForecastEntry[];
  /** What does not happen now, or not at all, and why. */
  readonly waits: readonly PlanEntry[];
  /** What could not be looked at, and what is not foreseen because of it. */
  readonly unseen: readonly string[];
}
