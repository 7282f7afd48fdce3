import { ApiError } from '../../src/engine/kube/apiError.ts';
import { EMPTY_JOURNAL, type Journal, journalSchema } from '../../src/operator/plan/facts/journal.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import type { Journals } from '../../src/operator/state/journalStore.ts';

/** The fault of one write. `lost`: the journal was stored, but the answer did not arrive. */
export type JournalFault = 'conflict' | 'lost';

/**
 * One journal with compare-and-swap on the version that this process has seen, like its Secret. Another process may write
 * it; this process sees that after `sync`, which plays the watch.
 */
export class FakeJournals implements Journals {
  #stored: { readonly version: number; readonly journal: Journal | undefined };
  #seen: { readonly version: number; readonly journal: Journal | undefined };
  #faults: (JournalFault | undefined)[] = [];
  writes = 0;

  constructor(journal?: Partial<Journal>) {
    this.#stored = { version: 0, journal: journal && stored({ ...EMPTY_JOURNAL, ...journal }) };
    this.#seen = this.#stored;
  }

  /** The n-th write from now, counted from 1, meets the fault. */
  failWrite(nth: number, fault: JournalFault): void {
    this.#faults[nth - 1] = fault;
  }

  /** Another process writes, unseen by this one until `sync`. */
  writeElsewhere(change: (journal: Journal) => Journal): void {
    const journal = stored(change(this.#stored.journal ?? EMPTY_JOURNAL));
    this.#stored = { version: this.#stored.version + 1, journal };
  }

  /** The watch catches up. */
  sync(): void {
    this.#seen = this.#stored;
  }

  async refresh(): Promise<void> {
    this.sync();
  }

  read(): Journal | undefined {
    return this.#seen.journal;
  }

  async update(
    _: WhatsAppDeployment,
    change: (journal: Journal) => Journal,
    signal: AbortSignal,
  ): Promise<Journal> {
    signal.throwIfAborted();
    const fault = this.#faults.shift();
    const next = change(this.#seen.journal ?? EMPTY_JOURNAL);
    if (fault === 'conflict') this.writeElsewhere((journal) => journal);
    if (this.#seen.version !== this.#stored.version)
      throw new ApiError(409, { reason: 'Conflict', message: 'the object has been modified' }, 'PUT secrets');
    this.#stored = { version: this.#stored.version + 1, journal: stored(next) };
    this.writes += 1;
    if (fault === 'lost') throw new ApiError(504, { message: 'timeout' }, 'PUT secrets');
    this.#seen = this.#stored;
    return next;
  }
}

/** A journal after a round trip through the Secret. */
const stored = (journal: Journal): Journal => journalSchema.parse(JSON.parse(JSON.stringify(journal)));
