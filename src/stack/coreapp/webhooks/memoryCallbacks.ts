import type { Clock } from '../../../base/clock.ts';
import type { DueCallback, NewCallback } from '../../store/callbackStore.ts';
import { Refusal } from '../../wire/protocol.ts';

/** How many callbacks may wait. Source: docs/onprem/api-messaging.md §7.2. */
const LONGEST_QUEUE = 100_000;

interface Waiting {
  readonly payload: string;
  readonly sinceMs: number;
  attempts: number;
  dueMs: number;
}

/** The callbacks of `callback_persist: false`. They are kept in memory only, and lost with the process. */
export class MemoryCallbacks {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  /** Negative, so that a number shows where its callback is kept. */
  #next = -1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** @throws Refusal 1016 when the queue is full: the servers keep the event, and deliver it again */
  add({ payload }: NewCallback): void {
    if (this.#waiting.size >= LONGEST_QUEUE) throw new Refusal(1016, 'the callback queue is full');
    const now = this.#clock.monotonic();
    this.#waiting.set(this.#next--, {
      payload: JSON.stringify(payload),
      sinceMs: now,
      attempts: 0,
      dueMs: now,
    });
  }

  due(limit: number, except: ReadonlySet<number>): DueCallback[] {
    const now = this.#clock.monotonic();
    const due: DueCallback[] = [];
    for (const [seq, { payload, attempts, dueMs, sinceMs }] of this.#waiting) {
      if (due.length >= limit) break;
      if (dueMs <= now && !except.has(seq))
        due.push({ seq, payload, attempts, ageSeconds: (now - sinceMs) / 1000 });
    }
    return due;
  }

  remove(seq: number): void {
    this.#waiting.delete(seq);
  }

  postpone(seq: number, attempts: number, delayMs: number): void {
    const waiting = this.#waiting.get(seq);
    if (waiting) Object.assign(waiting, { attempts, dueMs: this.#clock.monotonic() + delayMs });
  }
}
