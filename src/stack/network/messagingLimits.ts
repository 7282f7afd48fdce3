import * as z from 'zod';

/** The tiers: how many conversations a business may begin. Source: docs/onprem/api-messaging.md §9.2. */
const TIERS = [250, 1_000, 10_000, 100_000] as const;
const QUALITIES = ['high', 'medium', 'low'] as const;

export const messagingLimits = z.strictObject({
  /** People in 24 hours; null: unlimited. */
  tier: z.union(TIERS.map((tier) => z.literal(tier))).nullable(),
  quality: z.enum(QUALITIES),
});
export type MessagingLimits = z.output<typeof messagingLimits>;

/** Not found in any source: the limits of a new number. These are those of a verified business. */
export const DEFAULT_LIMITS: MessagingLimits = { tier: 1_000, quality: 'high' };
/** The code with which a conversation beyond the limit fails. Source: docs/onprem/api-messaging.md §9.2. */
export const LIMIT_REACHED = 471;

const DAY_MS = 86_400_000;
const RISE = { days: 7, timesTheTier: 2 } as const;

/** Conversations that a business began, in a form for the journal. */
export interface Begun {
  /** People with the start of their last conversation, in that order. */
  readonly people: [string, number][];
  /** Conversations begun on each day since the number reached its tier. */
  readonly days: [number, number][];
}

/** Counts conversations against the tier of a number, and raises the tier. All times are epoch ms. */
export class ConversationCount {
  readonly #people: Map<string, number>;
  readonly #days: Map<number, number>;

  constructor(begun: Begun = { people: [], days: [] }) {
    this.#people = new Map(begun.people);
    this.#days = new Map(begun.days);
  }

  /**
   * Whether a conversation with this person may begin: one runs already, or the tier has room. `beginning`: people whose
   * conversations are about to be counted.
   */
  mayBegin(
    waId: string,
    { tier }: MessagingLimits,
    nowMs: number,
    beginning: ReadonlySet<string> = new Set(),
  ): boolean {
    this.#forget(nowMs);
    const isCounted = this.#people.has(waId) || beginning.has(waId);
    return tier === null || isCounted || this.#people.size + beginning.size < tier;
  }

  /** @returns whether it is a new one */
  begin(waId: string, nowMs: number): boolean {
    this.#forget(nowMs);
    if (this.#people.has(waId)) return false;
    this.#people.set(waId, nowMs);
    const day = Math.floor(nowMs / DAY_MS);
    this.#days.set(day, (this.#days.get(day) ?? 0) + 1);
    return true;
  }

  /** The next tier, if the number used twice its limit in seven days and its quality is not low; otherwise the same. */
  risen({ tier, quality }: MessagingLimits, nowMs: number): MessagingLimits['tier'] {
    if (tier === null || quality === 'low') return tier;
    const since = Math.floor(nowMs / DAY_MS) - RISE.days;
    const used = [...this.#days].reduce((sum, [day, count]) => (day > since ? sum + count : sum), 0);
    if (used < RISE.timesTheTier * tier) return tier;
    return TIERS[TIERS.indexOf(tier) + 1] ?? null;
  }

  /** After a change of tier, the count for the next tier starts at zero. */
  startOver(): void {
    this.#days.clear();
  }

  toJSON(): Begun {
    return { people: [...this.#people], days: [...this.#days] };
  }

  #forget(nowMs: number): void {
    for (const [waId, atMs] of this.#people) {
      if (nowMs - atMs < DAY_MS) break;
      this.#people.delete(waId);
    }
    for (const day of this.#days.keys())
      if (day <= Math.floor(nowMs / DAY_MS) - RISE.days) this.#days.delete(day);
  }
}
