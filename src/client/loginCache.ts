import type { Clock } from '../base/clock.ts';
import type { Session } from './calls.ts';
import { isUnauthorised } from './stackError.ts';

/** A token is replaced when less than this is left of its seven days. */
export const RENEWAL_MS = 3_600_000;

/** Keeps the tokens of users, in memory only. Concurrent callers share one login, because logins are rate limited. */
export class LoginCache {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs calls with a token of this user. If the stack rejects the token (401), it is replaced once: another client may
   * have logged it out, or the key that signs tokens has changed.
   */
  async use<T>(
    username: string,
    logIn: () => Promise<Session>,
    calls: (session: Session) => Promise<T>,
  ): Promise<T> {
    try {
      return await calls(await this.#session(username, logIn));
    } catch (error) {
      if (!isUnauthorised(error)) throw error;
      this.#sessions.delete(username);
      return calls(await this.#session(username, logIn));
    }
  }

  forget(username: string): void {
    this.#sessions.delete(username);
  }

  async #session(username: string, logIn: () => Promise<Session>): Promise<Session> {
    const current = this.#sessions.get(username);
    if (current) {
      const known = await current.catch(() => undefined);
      if (known && known.expiresAtMs - this.#clock.now() > RENEWAL_MS) return known;
      // Another caller may have replaced it already.
      const newer = this.#sessions.get(username);
      if (newer && newer !== current) return newer;
    }
    const fresh = logIn();
    this.#sessions.set(username, fresh);
    fresh.catch(() => {
      if (this.#sessions.get(username) === fresh) this.#sessions.delete(username);
    });
    return fresh;
  }
}
