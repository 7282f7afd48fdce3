import type { User } from '../store/webStore.ts';
import type { Access, Api } from './route.ts';
import { isOurToken } from './tokens.ts';

/** How long a checked token is believed without asking the database; a logout takes as long to reach other Webapps. */
const TOKEN_CACHE_MS = 1_000;

interface Caller {
  /** None with the API key, and none of an open endpoint. */
  readonly user?: User;
  readonly token: string;
}

/** Finds out who calls, by the header `Authorization`. */
export class Callers {
  readonly #options: Pick<Api, 'store' | 'jwtKey' | 'apiKey' | 'clock'>;
  /** Tokens that were checked within `TOKEN_CACHE_MS`. */
  readonly #checked = new Map<string, { user: User; untilMs: number }>();

  constructor(options: Pick<Api, 'store' | 'jwtKey' | 'apiKey' | 'clock'>) {
    this.#options = options;
  }

  /** @returns nothing for a caller who may not use endpoints of this access */
  async find(request: Request, access: Access): Promise<Caller | undefined> {
    if (access === 'open') return { token: '' };
    const [scheme = '', credential = ''] = (request.headers.get('authorization') ?? '').split(' ');
    const kind = scheme.toLowerCase();
    if (access === 'basic') return kind === 'basic' ? this.#byPassword(credential) : undefined;
    const { apiKey } = this.#options;
    if (access === 'any-or-key' && kind === 'apikey' && apiKey !== undefined && credential === apiKey)
      return { token: '' };
    const user = kind === 'bearer' ? await this.#byToken(credential) : undefined;
    return user && { user, token: credential };
  }

  /** Forgets all checked tokens. */
  forget(): void {
    this.#checked.clear();
  }

  async #byPassword(credential: string): Promise<Caller | undefined> {
    const [, username = '', password = ''] =
      /^([^:]*):(.*)$/s.exec(Buffer.from(credential, 'base64').toString('utf8')) ?? [];
    const user = await this.#options.store.checkPassword(username, password);
    return user && { user, token: '' };
  }

  async #byToken(token: string): Promise<User | undefined> {
    const { store, jwtKey, clock } = this.#options;
    const now = clock.monotonic();
    const known = this.#checked.get(token);
    if (known && known.untilMs > now) return known.user;
    this.#checked.delete(token);
    const user = isOurToken(token, jwtKey) ? await store.tokenOwner(token) : undefined;
    if (user) this.#checked.set(token, { user, untilMs: now + TOKEN_CACHE_MS });
    return user;
  }
}
