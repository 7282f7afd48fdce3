import type { UserHoldReason } from '../../resource/conditions.ts';

/** How far a rollout is, for the status. */
export interface RolloutProgress {
  /** Pods must restart, or are restarting; held changes of the operator do not count. */
  readonly isRolling: boolean;
  /** Pods that run the wanted template and are ready. */
  readonly done: number;
  readonly total: number;
  /** Whose turn it is: the name of a pod, or `Deployment/NAME`. */
  readonly turn: string | undefined;
  /** The role of the turn. */
  readonly role: string | undefined;
  /** Completes the sentence "waits for ...". */
  readonly waitingFor: string | undefined;
  /** Why the user lets it wait; undefined while it goes on, or waits for something else. */
  readonly hold: UserHoldReason | undefined;
  /** What is changing right now: the name of a pod, or `Deployment/NAME`. */
  readonly underWay: string | undefined;
  /** Why the operator stopped the rollout, and the way back. */
  readonly stopped: string | undefined;
}
