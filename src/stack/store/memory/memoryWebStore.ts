import type { Clock } from '../../../base/clock.ts';
import { type StoredUser, tokenHash, type User, WebStore } from '../webStore.ts';
import type { MemoryTables, Table } from './memoryTables.ts';

interface Token {
  readonly username: string;
  /** Epoch ms. */
  readonly expiresAt: number;
}

/** Users, tokens and certificates in memory. */
export class MemoryWebStore extends WebStore {
  /** A key of the other kind takes longer to make than all the rest of a start. */
  protected override readonly keys = 'EC';
  readonly #tables: MemoryTables;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #users: Table<StoredUser>;
  readonly #tokens: Table<Token>;
  readonly #certs: Table<string>;

  constructor(tables: MemoryTables, clock: Pick<Clock, 'now'>) {
    super();
    this.#tables = tables;
    this.#clock = clock;
    this.#users = tables.table('users');
    this.#tokens = tables.table('tokens');
    this.#certs = tables.table('certs');
  }

  protected async storedUser(username: string): Promise<StoredUser | undefined> {
    return this.#users.rows.get(username);
  }

  protected async addUser(user: StoredUser): Promise<boolean> {
    const isFree = !this.#users.rows.has(user.username);
    if (isFree) this.#users.set(user.username, user);
    await this.#tables.commit();
    return isFree;
  }

  protected async changePassword(username: string, passwordHash: string): Promise<void> {
    const user = this.#users.rows.get(username);
    if (user) this.#users.set(username, { ...user, passwordHash, mustChange: false });
    await this.#tables.commit();
  }

  async deleteUser(username: string): Promise<boolean> {
    const wasThere = this.#users.delete(username);
    this.#dropTokens((token) => token.username === username);
    await this.#tables.commit();
    return wasThere;
  }

  async storeToken(token: string, username: string, expiresAtMs: number): Promise<void> {
    const now = this.#clock.now();
    this.#dropTokens(({ expiresAt }) => expiresAt < now);
    this.#tokens.set(tokenHash(token), { username, expiresAt: expiresAtMs });
    await this.#tables.commit();
  }

  async tokenOwner(token: string): Promise<User | undefined> {
    const found = this.#tokens.rows.get(tokenHash(token));
    if (!found || found.expiresAt <= this.#clock.now()) return undefined;
    const user = this.#users.rows.get(found.username);
    return user && { username: user.username, role: user.role, mustChange: false };
  }

  async removeToken(token: string): Promise<void> {
    this.#tokens.delete(tokenHash(token));
    await this.#tables.commit();
  }

  protected async kept(name: string): Promise<string | undefined> {
    return this.#certs.rows.get(name);
  }

  protected async keep(name: string, text: string): Promise<void> {
    if (!this.#certs.rows.has(name)) await this.replace(name, text);
  }

  protected async replace(name: string, text: string): Promise<void> {
    this.#certs.set(name, text);
    await this.#tables.commit();
  }

  #dropTokens(isMeant: (token: Token) => boolean): void {
    for (const [hash, token] of this.#tokens.rows) if (isMeant(token)) this.#tokens.delete(hash);
  }
}
