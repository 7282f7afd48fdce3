import type { EventText } from '../../engine/kube/eventCorrelator.ts';
import type { Verdict } from '../plan/tell/conditions.ts';

/** Events for stacks that become Ready, or no longer are. */
export class ReadinessNews {
  /** Whether the last event said that the stack is Ready. */
  readonly #reported = new Map<string, boolean>();

  /**
   * The event for a new `summary`, if any. There is none for a stack that is Progressing after an edit, or that has never
   * been Ready. `before` is the stored status of Ready.
   */
  of(key: string, summary: Verdict, before: string | undefined): EventText | undefined {
    const isReady = summary.status === 'True';
    const wasReady = this.#reported.get(key) ?? before === 'True';
    if (isReady === wasReady || (!isReady && summary.reason === 'Progressing')) return undefined;
    this.#reported.set(key, isReady);
    const { message } = summary;
    return isReady
      ? { type: 'Normal', reason: 'Ready', message }
      : { type: 'Warning', reason: 'NotReady', message };
  }

  forget(key: string): void {
    this.#reported.delete(key);
  }
}
