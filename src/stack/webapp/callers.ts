import { createHash, timingSafeEqual } from 'node:crypto';
import type { Call } from '../http/route.ts';
import type { User } from '../store/webStore.ts';
import { LoginGuard } from './loginGuard.ts';
import type { Access, Api } from './route.ts';
import { isOurToken } from './tokens.ts';

/** How long a checked token is believed without asking the database; a logout takes as long to reach other Webapps. */
const TOKEN_CACHE_MS = 1_000;

/** As nearly all clients write it; any other case is accepted too. */
const BEARER = 'Bearer ';

/** Texts of any length have digests of one length, so the time of a comparison tells nothing. */
const isSame = (a: string, b: string): boolean =>
  timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());

interface Caller {
  /** None with the API key, and none of an open endpoint. */
  readonly user?: User;
  readonly token: string;
}

/** Finds out who calls, by the header `Authorization`. */
export class Callers {
  readonly #options: Pick<Api, 'store' | 'jwtKey' | 'apiKey' | 'clock'>;
  /** Tokens that were checked within `TOKEN_CACHE_MS`. */
  readonly #checked = new Map<string, { caller: Caller & { user: User }; untilMs: number }>();

  readonly #logins: LoginGuard;

  constructor(options: Pick<Api, 'store' | 'jwtKey' | 'apiKey' | 'clock'>) {
    this.#options = options;
    this.#logins = new LoginGuard(options.clock);
  }

  /** @returns nothing for a caller who may not use endpoints of this access. @throws Refusal 1015 in a flood of logins */
  async find(
    { request, address }: Pick<Call, 'request' | 'address'>,
    access: Access,
  ): Promise<Caller | undefined> {
    if (access === 'open') return { token: '' };
    const [scheme = '', credential = ''] = (request.headers.get('authorization') ?? '').split(' ');
    const kind = scheme.toLowerCase();
    if (access === 'basic')
      return kind === 'basic' ? this.#byPassword(credential, address, request.signal) : undefined;
    const { apiKey } = this.#options;
    if (access === 'any-or-key' && kind === 'apikey' && apiKey !== undefined && isSame(credential, apiKey))
      return { token: '' };
    const user = kind === 'bearer' ? await this.#byToken(credential) : undefined;
    return user && { user, token: credential };
  }

  /** Whoever has shown a token a moment ago; undefined if that has to be found out. */
  recent(authorization: string | null): Caller | undefined {
    if (!authorization?.startsWith(BEARER)) return undefined;
    const token = authorization.slice(BEARER.length);
    const known = this.#checked.get(token);
    return known && known.untilMs > this.#options.clock.monotonic() ? known.caller : undefined;
  }

  /** Tokens that are believed without asking the database. */
  get remembered(): number {
    return this.#checked.size;
  }

  /** Forgets all checked tokens. */
  forget(): void {
    this.#checked.clear();
  }

  async #byPassword(credential: string, address = '', signal: AbortSignal): Promise<Caller | undefined> {
    const [, username = '', password = ''] =
      /^([^:]*):(.*)$/s.exec(Buffer.from(credential, 'base64').toString('utf8')) ?? [];
    const user = await this.#logins.attempt(
      { address, name: username },
      () => this.#options.store.checkPassword(username, password),
      signal,
    );
    return user && { user, token: '' };
  }

  async #byToken(token: string): Promise<User | undefined> {
    const { store, jwtKey, clock } = this.#options;
    const now = clock.monotonic();
    const known = this.#checked.get(token);
    if (known && known.untilMs > now) return known.caller.user;
    // All are believed equally long, so the oldest come first.
    for (const [checked, { untilMs }] of this.#checked) {
      if (untilMs > now) break;
      this.#checked.delete(checked);
    }
    const user = isOurToken(token, jwtKey) ? await store.tokenOwner(token) : undefined;
    // Deleted first, so that the map stays in the order of time.
    this.#checked.delete(token);
    if (user) this.#checked.set(token, { caller: { user, token }, untilMs: now + TOKEN_CACHE_MS });
    return user;
  }
}
