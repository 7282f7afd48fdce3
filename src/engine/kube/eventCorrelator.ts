/** The content of an event about an object. */
export interface EventText {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export const EVENT_DEFAULTS = {
  /** After this many events of one object that differ only in their message, further ones become a single event... */
  maxSimilar: 10,
  /** ...within this time. An identical event within this time raises the counter of the first. */
  aggregationMs: 10 * 60_000,
  /** An object may have this many events at once, and one more each `refillMs`. */
  burst: 25,
  refillMs: 5 * 60_000,
  remembered: 4096,
} as const;

export type Correlated =
  | { readonly action: 'create'; readonly id: string; readonly message: string }
  | { readonly action: 'count'; readonly id: string; readonly message: string; readonly count: number }
  | { readonly action: 'drop' };

/**
 * Decides what happens to an event, as client-go's recorder does: it counts repetitions, combines a flood of similar
 * events into one, and limits each object, so that one object's flood does not hide the events of others.
 */
export class EventCorrelator {
  readonly #seen = new Map<string, { count: number; lastMs: number }>();
  readonly #similar = new Map<string, { messages: Set<string>; lastMs: number }>();
  readonly #budgets = new Map<string, { tokens: number; atMs: number }>();

  correlate(uid: string, event: EventText, nowMs: number): Correlated {
    const group = [uid, event.type, event.reason].join('|');
    const isFlood = this.#isFlood(group, event.message, nowMs);
    const message = isFlood ? `(combined from similar events): ${event.message}` : event.message;
    const id = isFlood ? `${group}|combined` : `${group}|${event.message}`;
    if (!this.#withinBudget(uid, nowMs)) return { action: 'drop' };
    const known = this.#seen.get(id);
    const repeated = known !== undefined && nowMs - known.lastMs < EVENT_DEFAULTS.aggregationMs;
    const count = repeated ? known.count + 1 : 1;
    remember(this.#seen, id, { count, lastMs: nowMs });
    return repeated ? { action: 'count', id, message, count } : { action: 'create', id, message };
  }

  #isFlood(group: string, message: string, nowMs: number): boolean {
    const known = this.#similar.get(group);
    const fresh = known !== undefined && nowMs - known.lastMs < EVENT_DEFAULTS.aggregationMs;
    const messages = fresh ? known.messages : new Set<string>();
    if (messages.size < EVENT_DEFAULTS.maxSimilar) messages.add(message);
    remember(this.#similar, group, { messages, lastMs: nowMs });
    return messages.size >= EVENT_DEFAULTS.maxSimilar && !messages.has(message);
  }

  #withinBudget(uid: string, nowMs: number): boolean {
    const known = this.#budgets.get(uid) ?? { tokens: EVENT_DEFAULTS.burst, atMs: nowMs };
    const refilled = known.tokens + Math.max(0, nowMs - known.atMs) / EVENT_DEFAULTS.refillMs;
    const tokens = Math.min(EVENT_DEFAULTS.burst, refilled);
    const allowed = tokens >= 1;
    remember(this.#budgets, uid, { tokens: allowed ? tokens - 1 : tokens, atMs: nowMs });
    return allowed;
  }
}

/** Sets an entry; with more than `most` entries, drops the one that was set longest ago. */
export function remember<V>(
  map: Map<string, V>,
  key: string,
  value: V,
  most: number = EVENT_DEFAULTS.remembered,
): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
