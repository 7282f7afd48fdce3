import { CodedError } from '../../base/codedError.ts';
import { isLostRace } from '../../engine/kube/apiError.ts';

/** So many lost races in a row are none: nobody else is there, and something stays in the way. */
const MOST_RACES = 6;

/** Passes that ended with an error one after the other, by key. */
export class Failures {
  readonly #known = new Map<string, number>();

  /**
   * Counts the error. Not worth telling are lost races, and the first error for which a retry may help: the next pass comes
   * within a second.
   */
  isWorthTelling(key: string, error: unknown): boolean {
    const count = (this.#known.get(key) ?? 0) + 1;
    this.#known.set(key, count);
    if (isLostRace(error)) return count > MOST_RACES;
    return count > 1 || !(error instanceof CodedError && error.retriable);
  }

  forget(key: string): void {
    this.#known.delete(key);
  }
}
