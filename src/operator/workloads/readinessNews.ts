import type { EventText } from '../../engine/kube/eventCorrelator.ts';
import type { Verdict } from '../plan/tell/conditions.ts';

/** What people are told of stacks that become Ready, or no longer are. */
export class ReadinessNews {
  /** Whether a stack was told to be Ready. */
  readonly #told = new Map<string, boolean>();

  /**
   * The event that `summary` is worth, if any. After each edit a stack is Progressing until it was looked at again: that is
   * no news, and neither is a stack that has not been Ready yet. `before` is what status says of Ready.
   */
  of(key: string, summary: Verdict, before: string | undefined): EventText | undefined {
    const isReady = summary.status === 'True';
    const wasTold = this.#told.get(key) ?? before === 'True';
    if (isReady === wasTold || (!isReady && summary.reason === 'Progressing')) return undefined;
    this.#told.set(key, isReady);
    const { message } = summary;
    return isReady
      ? { type: 'Normal', reason: 'Ready', message }
      : { type: 'Warning', reason: 'NotReady', message };
  }

  forget(key: string): void {
    this.#told.delete(key);
  }
}
