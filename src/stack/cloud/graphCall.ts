import type { GraphError } from '../../cloud/graphErrors.ts';

/** How a call of Graph ended. A refusal is an answer too. */
export type GraphOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly error: GraphError }
  | { readonly kind: 'unknown' | 'unreachable'; readonly detail: string };

export interface GraphCall {
  /** The object that the call asked for to learn whether the token sees it; undefined for all other calls. */
  readonly probe?: Probe | undefined;
  readonly outcome: GraphOutcome;
}
export type Probe = 'number' | 'account';

/** What Graph tells of the number. */
export interface GraphNumber {
  readonly status: string | undefined;
  /** Digits. */
  readonly number: string;
  readonly verifiedName: string;
  /** Messages a second. */
  readonly throughput: number | undefined;
  /** `APPROVED` */
  readonly nameStatus: string | undefined;
  /** `GREEN` */
  readonly quality: string | undefined;
}
