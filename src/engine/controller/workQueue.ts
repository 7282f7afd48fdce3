import type { Clock } from '../../base/clock.ts';
import { type BackoffPolicy, backoffMs } from '../kube/backoff.ts';

/** Changes are served before resyncs. */
export type Priority = 'change' | 'resync';

export interface QueueMetrics {
  added(): void;
  depth(length: number): void;
  waited(ms: number): void;
  worked(ms: number): void;
  retried(): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly backoff?: BackoffPolicy;
  readonly metrics?: QueueMetrics;
  /** Whether a key is ours; default: all are. Others do not enter. */
  readonly accepts?: ((key: string) => boolean) | undefined;
}

/** The delays of client-go's default controller rate limiter, with a lower cap. */
const QUEUE_BACKOFF: BackoffPolicy = { baseMs: 5, capMs: 300_000, jitter: 0.2 };

/**
 * Keys that need a reconcile. A key is in the queue at most once, and never with two workers at a time. A key added
 * while a worker has it comes back right after.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = { change: new Set<string>(), resync: new Set<string>() };
  readonly #addedAt = new Map<string, number>();
  readonly #working = new Map<string, number>();
  readonly #dirty = new Map<string, Priority>();
  /** Why each waiting key was first added, and why each key in work was. */
  readonly #reasons = { next: new Map<string, string>(), now: new Map<string, string>() };
  /** How long each key in work waited, in milliseconds. */
  readonly #waitedMs = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { at: number; cancel: () => void }>();
  readonly #idleWorkers: ((key: string | undefined) => void)[] = [];
  #drained: (() => void)[] = [];
  #stopped = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Why a key in work was added. */
  reasonOf(key: string): string | undefined {
    return this.#reasons.now.get(key);
  }

  /** How long a key in work waited for its worker, in milliseconds. */
  waitedMsOf(key: string): number {
    return this.#waitedMs.get(key) ?? 0;
  }

  isWorkedOn(key: string): boolean {
    return this.#working.has(key);
  }

  /** How long each key in work has been so, in milliseconds. */
  workingMs(): number[] {
    const now = this.#options.clock.monotonic();
    return [...this.#working.values()].map((since) => now - since);
  }

  get length(): number {
    return this.#waiting.change.size + this.#waiting.resync.size;
  }

  /** `reason` is for people: the log line of the reconcile shows it. Of several reasons the first counts. */
  add(key: string, priority: Priority = 'change', reason: string = priority): void {
    if (this.#stopped || this.#options.accepts?.(key) === false) return;
    if (!this.#reasons.next.has(key)) this.#reasons.next.set(key, reason);
    if (this.#working.has(key)) {
      if (this.#dirty.get(key) !== 'change') this.#dirty.set(key, priority);
      return;
    }
    if (this.#waiting.change.has(key)) return;
    if (this.#waiting.resync.has(key)) {
      if (priority === 'resync') return;
      this.#waiting.resync.delete(key);
    } else {
      this.#addedAt.set(key, this.#options.clock.monotonic());
      this.#options.metrics?.added();
    }
    this.#waiting[priority].add(key);
    this.#changed();
    const worker = this.#idleWorkers.shift();
    if (worker) worker(this.#take());
  }

  /** Adds a key after a delay. Of two delays for one key the earlier counts. */
  addAfter(key: string, delayMs: number, priority: Priority = 'resync', reason: string = priority): void {
    if (this.#stopped || this.#options.accepts?.(key) === false) return;
    const at = this.#options.clock.monotonic() + delayMs;
    const pending = this.#delayed.get(key);
    if (pending && pending.at <= at) return;
    pending?.cancel();
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key, priority, reason);
    });
    this.#delayed.set(key, { at, cancel });
  }

  /** Adds a key after a delay that doubles with each failure. @returns the delay in milliseconds */
  addRateLimited(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#options.metrics?.retried();
    const delayMs = backoffMs(this.#options.backoff ?? QUEUE_BACKOFF, failures, this.#options.random);
    this.addAfter(key, delayMs, 'resync', `retry ${failures + 1}`);
    return delayMs;
  }

  /** Call this when a key succeeded: its next failure starts with the shortest delay again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key; undefined once the queue has stopped. */
  next(): Promise<string | undefined> {
    const key = this.#take();
    if (key !== undefined || this.#stopped) return Promise.resolve(key);
    return new Promise((resolve) => {
      this.#idleWorkers.push(resolve);
    });
  }

  /** Returns a key that came from `next`. */
  done(key: string): void {
    const since = this.#working.get(key);
    if (since !== undefined) this.#options.metrics?.worked(this.#options.clock.monotonic() - since);
    this.#working.delete(key);
    this.#reasons.now.delete(key);
    this.#waitedMs.delete(key);
    const priority = this.#dirty.get(key);
    this.#dirty.delete(key);
    if (priority) this.add(key, priority);
    if (this.#working.size === 0) {
      for (const resolve of this.#drained) resolve();
      this.#drained = [];
    }
  }

  /** Hands out no more keys; resolves when every key in work is done. */
  async drain(): Promise<void> {
    this.#stopped = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    for (const worker of this.#idleWorkers.splice(0)) worker(undefined);
    if (this.#working.size > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #take(): string | undefined {
    if (this.#stopped) return undefined;
    for (const queue of [this.#waiting.change, this.#waiting.resync]) {
      const key = queue.values().next().value;
      if (key === undefined) continue;
      queue.delete(key);
      const now = this.#options.clock.monotonic();
      const waitedMs = now - (this.#addedAt.get(key) ?? now);
      this.#options.metrics?.waited(waitedMs);
      this.#waitedMs.set(key, waitedMs);
      this.#addedAt.delete(key);
      this.#working.set(key, now);
      this.#reasons.now.set(key, this.#reasons.next.get(key) ?? '');
      this.#reasons.next.delete(key);
      this.#changed();
      return key;
    }
    return undefined;
  }

  #changed(): void {
    this.#options.metrics?.depth(this.length);
  }
}
