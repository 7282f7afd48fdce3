/** A part of the stack that differs from what the resource declares, and the call that makes them equal. */
export interface Difference {
  /** Paths of the fields, never their values; empty if only the journal has to catch up. */
  readonly fields: readonly string[];
  readonly repair: () => Promise<void>;
}

/** A part that cannot be compared. The parts beside it are repaired all the same. */
export const cannotCompare = (error: unknown): Difference => ({
  fields: [],
  repair: () => Promise.reject(error),
});
