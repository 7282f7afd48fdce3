/**
 * How a registration call that failed for now is repeated. A number that asks too often is locked, so the wait doubles;
 * the journal counts the failures, so that a restart of the operator does not start over.
 */
const FIRST_MS = 5_000;
const LONGEST_MS = {
  /** The stack said that it did not carry the call out. */
  undone: 10 * 60_000,
  /** An internal error: the stack may have carried it out, and a code may be on its way. */
  uncertain: 60 * 60_000,
} as const;

/** @param failures calls that have failed in a row, from 1 */
export const retryDelayMs = (failures: number, outcome: keyof typeof LONGEST_MS): number =>
  Math.min(LONGEST_MS[outcome], FIRST_MS * 2 ** Math.min(failures - 1, 20));
