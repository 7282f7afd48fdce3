/** A part of the stack that differs from what the resource declares, and the call that makes them equal. */
export interface Difference {
  /** Paths of the fields, never their values; empty if only the journal has to catch up. */
  readonly fields: readonly string[];
  readonly repair: () => Promise<void>;
}
