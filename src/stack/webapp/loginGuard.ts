import { type Clock, sleep } from '../../base/clock.ts';
import { Refusal } from '../wire/protocol.ts';

/** Not found in any source: how a login is made slow to guess. */
const LOGIN = {
  /** Failures that cost no time: people mistype. */
  free: 3,
  firstDelayMs: 250,
  longestDelayMs: 5_000,
  /** Logins of one address that may wait for their turn. */
  waitingOfAddress: 20,
  /** A pair of address and name is forgotten after this long without a failure. */
  rememberedMs: 15 * 60_000,
  remembered: 10_000,
} as const;

interface Attempts {
  failures: number;
  lastFailureMs: number;
  /** Ends with the attempt before. */
  turn: Promise<unknown>;
  waiting: number;
}

/**
 * Slows down whoever guesses passwords: attempts with the same name from the same address take turns, and wait longer
 * after each failure. Somebody at another address does not wait, so that guessing locks nobody out.
 */
export class LoginGuard {
  readonly #clock: Clock;
  readonly #attempts = new Map<string, Attempts>();
  readonly #waiting = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Checks a login when it is its turn. `check` answers undefined for a failure. @throws Refusal 1015 in a flood */
  async attempt<T>(
    { address, name }: { readonly address: string; readonly name: string },
    check: () => Promise<T | undefined>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const waiting = this.#waiting.get(address) ?? 0;
    if (waiting >= LOGIN.waitingOfAddress) throw new Refusal(1015, 'Too many logins at once');
    this.#waiting.set(address, waiting + 1);
    const key = `${address} ${name}`;
    const attempts = this.#known(key);
    attempts.waiting += 1;
    const before = attempts.turn;
    const mine = before.then(() => this.#check(attempts, check, signal));
    attempts.turn = mine.catch(() => {});
    try {
      return await mine;
    } finally {
      attempts.waiting -= 1;
      if (attempts.waiting === 0 && attempts.failures === 0) this.#attempts.delete(key);
      const left = (this.#waiting.get(address) ?? 1) - 1;
      if (left > 0) this.#waiting.set(address, left);
      else this.#waiting.delete(address);
    }
  }

  async #check<T>(
    attempts: Attempts,
    check: () => Promise<T | undefined>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const over = attempts.failures - LOGIN.free;
    if (over >= 0)
      await sleep(this.#clock, Math.min(LOGIN.firstDelayMs * 2 ** over, LOGIN.longestDelayMs), signal);
    const found = await check();
    attempts.failures = found === undefined ? attempts.failures + 1 : 0;
    attempts.lastFailureMs = this.#clock.monotonic();
    return found;
  }

  #known(key: string): Attempts {
    this.#forget();
    const known = this.#attempts.get(key) ?? {
      failures: 0,
      lastFailureMs: this.#clock.monotonic(),
      turn: Promise.resolve(),
      waiting: 0,
    };
    // The newest stand last, so that the oldest are forgotten first.
    this.#attempts.delete(key);
    this.#attempts.set(key, known);
    return known;
  }

  #forget(): void {
    const now = this.#clock.monotonic();
    for (const [key, { lastFailureMs, waiting }] of this.#attempts) {
      const isOld = now - lastFailureMs > LOGIN.rememberedMs || this.#attempts.size > LOGIN.remembered;
      if (!isOld || waiting > 0) break;
      this.#attempts.delete(key);
    }
  }
}
