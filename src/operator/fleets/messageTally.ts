import type { MessageCount } from '../plan/fleet/stackStage.ts';

interface Tally {
  /** The change since which messages count. */
  readonly change: string;
  /** The counters when they were last read. */
  readonly last: MessageCount;
  readonly since: MessageCount;
}

/**
 * Messages of stacks since their last change, from counters that begin anew with each start of a node. They are counted in
 * memory: a new leader begins anew.
 */
export class MessageTally {
  readonly #tallies = new Map<string, Tally>();

  /** @param counters as the stack reports them now; undefined if it does not answer */
  count(key: string, change: string, counters: MessageCount | undefined): MessageCount | undefined {
    const known = this.#tallies.get(key);
    const before = known?.change === change ? known : undefined;
    if (!counters) return before?.since;
    const since = before
      ? {
          sent: before.since.sent + grown(before.last.sent, counters.sent),
          failed: before.since.failed + grown(before.last.failed, counters.failed),
        }
      : { sent: 0, failed: 0 };
    this.#tallies.set(key, { change, last: counters, since });
    return since;
  }

  forget(key: string): void {
    this.#tallies.delete(key);
  }
}

/** A counter that is lower than before has begun anew. */
const grown = (before: number, now: number): number => (now >= before ? now - before : now);
