import { messageStatus } from '../../../onprem/webhook.ts';
import { type DueCallback, messageOf, type NewCallback, statusKey } from '../callbackStore.ts';
import type { Table } from './memoryTables.ts';

/** A callback that waits. Times are those of the clock of the queue, in ms. */
export interface WaitingCallback {
  readonly seq: number;
  readonly key: string;
  readonly shard: number;
  /** The message that it tells of; journals of before do not say it. */
  readonly about?: string | undefined;
  readonly payload: string;
  readonly attempts: number;
  readonly dueMs: number;
  readonly sinceMs: number;
  readonly traceparent?: string | undefined;
}

/** Callbacks that wait in memory. Those of one message are due one after another, in the order in which they came. */
export class CallbackQueue {
  readonly #table: Table<WaitingCallback>;
  readonly #now: () => number;
  readonly #step: 1 | -1;
  /** Numbers by key: storing the same event twice changes nothing, and the statuses of a message are found by their keys. */
  readonly #keys = new Map<string, number>();
  #next: number;

  /** `step`: whether numbers count up or down. */
  constructor(table: Table<WaitingCallback>, now: () => number, step: 1 | -1) {
    this.#table = table;
    this.#now = now;
    this.#step = step;
    this.#next = step;
    for (const waiting of table.rows.values()) {
      this.#keys.set(waiting.key, waiting.seq);
      this.#next = waiting.seq + step;
    }
  }

  get size(): number {
    return this.#table.rows.size;
  }

  add({ shard, eventKey: key, payload, traceparent }: NewCallback): void {
    if (this.#keys.has(key)) return;
    const now = this.#now();
    const seq = this.#next;
    this.#next += this.#step;
    this.#table.set(String(seq), {
      seq,
      key,
      about: messageOf(key),
      shard,
      payload: JSON.stringify(payload),
      attempts: 0,
      dueMs: now,
      sinceMs: now,
      traceparent,
    });
    this.#keys.set(key, seq);
  }

  /** `except`: callbacks that are at hand already. `shard`: of any if absent. */
  due(limit: number, except: { has(seq: number): boolean }, shard?: number): DueCallback[] {
    const now = this.#now();
    const due: DueCallback[] = [];
    /** Messages one of whose callbacks holds back those after it. */
    const behind = new Set<string>();
    for (const waiting of this.#table.rows.values()) {
      if (due.length >= limit) break;
      if (shard !== undefined && waiting.shard !== shard) continue;
      const { seq, key, payload, attempts, dueMs, sinceMs, traceparent, about = messageOf(key) } = waiting;
      const isAtHand = except.has(seq);
      const isDue = dueMs <= now && !(about !== undefined && behind.has(about));
      if (about !== undefined && !isDue && !isAtHand) behind.add(about);
      if (isDue && !isAtHand)
        due.push({ seq, key, payload, about, attempts, ageSeconds: (now - sinceMs) / 1000, traceparent });
    }
    return due;
  }

  remove(seq: number): void {
    const waiting = this.#table.rows.get(String(seq));
    if (!waiting) return;
    this.#table.delete(String(seq));
    this.#keys.delete(waiting.key);
  }

  /** Later callbacks of the same message wait as long. */
  postpone({ seq, about }: Pick<DueCallback, 'seq' | 'about'>, attempts: number, delayMs: number): void {
    const dueMs = this.#now() + delayMs;
    this.#change(seq, { attempts, dueMs });
    if (about === undefined) return;
    for (const status of messageStatus.options) {
      const other = this.#keys.get(statusKey(about, status));
      if (other !== undefined && (other - seq) * this.#step > 0) this.#change(other, { dueMs });
    }
  }

  /** Makes callbacks due that wait longer than the longest delay: the clock has gone back. */
  hasten(longestDelayMs: number): void {
    const now = this.#now();
    for (const { seq, dueMs } of this.#table.rows.values())
      if (dueMs > now + longestDelayMs) this.#change(seq, { dueMs: now });
  }

  /** Moves callbacks to other shards; to none: they are forgotten. */
  move(target: (shard: number) => number | undefined): void {
    for (const { seq, shard } of [...this.#table.rows.values()]) {
      const to = target(shard);
      if (to === undefined) this.remove(seq);
      else if (to !== shard) this.#change(seq, { shard: to });
    }
  }

  /** How many wait in a shard. */
  count(shard: number): number {
    return [...this.#table.rows.values()].filter((waiting) => waiting.shard === shard).length;
  }

  #change(seq: number, change: Partial<WaitingCallback>): void {
    const waiting = this.#table.rows.get(String(seq));
    if (waiting) this.#table.set(String(seq), { ...waiting, ...change });
  }
}
