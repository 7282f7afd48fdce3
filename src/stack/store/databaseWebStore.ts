import type { Kysely } from 'kysely';
import type { Role } from '../../onprem/users.ts';
import type { Databases } from './databases.ts';
import type { Dialect } from './dialect.ts';
import type { WebTables } from './tables.ts';
import { type StoredUser, tokenHash, type User, WebStore } from './webStore.ts';

/** Expired tokens are deleted with the first of this many logins at a Webapp. */
const COLLECT_EACH = 100;

/** Users, tokens and certificates in a database. */
export class DatabaseWebStore extends WebStore {
  readonly #database: Kysely<WebTables>;
  readonly #dialect: Dialect;
  /** Tokens that this Webapp has issued. */
  #stored = 0;

  constructor(databases: Pick<Databases, 'web' | 'dialect'>) {
    super();
    this.#database = databases.web;
    this.#dialect = databases.dialect;
  }

  protected async storedUser(username: string): Promise<StoredUser | undefined> {
    const row = await this.#database
      .selectFrom('users')
      .selectAll()
      .where('username', '=', username)
      .executeTakeFirst();
    return (
      row && {
        username,
        role: row.role as Role,
        mustChange: row.must_change,
        passwordHash: row.password_hash,
      }
    );
  }

  protected async addUser({ username, passwordHash, role, mustChange }: StoredUser): Promise<boolean> {
    const row = { username, password_hash: passwordHash, role, must_change: mustChange };
    const insert = this.#database.insertInto('users').values(row);
    const { numInsertedOrUpdatedRows } = await this.#dialect.orIgnore(insert).executeTakeFirst();
    return numInsertedOrUpdatedRows === 1n;
  }

  protected async changePassword(username: string, passwordHash: string): Promise<void> {
    await this.#database
      .updateTable('users')
      .set({ password_hash: passwordHash, must_change: false })
      .where('username', '=', username)
      .execute();
  }

  async deleteUser(username: string): Promise<boolean> {
    const { numDeletedRows } = await this.#database
      .deleteFrom('users')
      .where('username', '=', username)
      .executeTakeFirst();
    return numDeletedRows === 1n;
  }

  async storeToken(token: string, username: string, expiresAtMs: number): Promise<void> {
    if (this.#stored++ % COLLECT_EACH === 0)
      await this.#database.deleteFrom('tokens').where('expires_at', '<', this.#dialect.now).execute();
    await this.#database
      .insertInto('tokens')
      .values({ hash: tokenHash(token), username, expires_at: new Date(expiresAtMs) })
      .execute();
  }

  async tokenOwner(token: string): Promise<User | undefined> {
    const row = await this.#database
      .selectFrom('tokens')
      .innerJoin('users', 'users.username', 'tokens.username')
      .select(['users.username', 'users.role'])
      .where('tokens.hash', '=', tokenHash(token))
      .where('tokens.expires_at', '>', this.#dialect.now)
      .executeTakeFirst();
    return row && { username: row.username, role: row.role as Role, mustChange: false };
  }

  async removeToken(token: string): Promise<void> {
    await this.#database.deleteFrom('tokens').where('hash', '=', tokenHash(token)).execute();
  }

  protected async kept(name: string): Promise<string | undefined> {
    const row = await this.#database
      .selectFrom('certs')
      .select('pem')
      .where('name', '=', name)
      .executeTakeFirst();
    return row?.pem;
  }

  protected async keep(name: string, pem: string): Promise<void> {
    await this.#dialect.orIgnore(this.#database.insertInto('certs').values({ name, pem })).execute();
  }

  protected async replace(name: string, pem: string): Promise<void> {
    const insert = this.#database.insertInto('certs').values({ name, pem });
    await this.#dialect.orUpdate(insert, 'name', { pem }).execute();
  }
}
