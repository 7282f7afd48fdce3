import type { Clock } from '../base/clock.ts';
import type { Session } from './calls.ts';
import { isUnauthorised } from './stackError.ts';

/** A token is renewed when less than this is left of its seven days. */
export const RENEWAL_MS = 3_600_000;

/** Tokens of users, in memory only. Callers at the same time share one login: logins are limited, too. */
export class LoginCache {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs calls with a token of this user. One that is not taken any more (401) is replaced once: somebody may have
   * logged it out, or changed the key that signs tokens.
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
      // Somebody else may have been faster.
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
