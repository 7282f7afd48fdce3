import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Kysely } from 'kysely';
import { createAuthority, issueCertificate, type KeyPair } from '../../base/pki/certificates.ts';
import { DEFAULT_ADMIN, type Role } from '../../onprem/users.ts';
import type { Databases } from './databases.ts';
import type { Dialect } from './dialect.ts';
import type { WebTables } from './tables.ts';

export interface User {
  readonly username: string;
  readonly role: Role;
  /** The user still has the default password. */
  readonly mustChange: boolean;
}

export interface WebCertificate {
  readonly server: KeyPair;
  readonly caPem: string;
}

const hash = promisify(scrypt) as (password: string, salt: Buffer, length: number) => Promise<Buffer>;

async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return `${salt.toString('base64')}:${(await hash(password, salt, 32)).toString('base64')}`;
}

async function isPassword(password: string, stored: string): Promise<boolean> {
  const [salt = '', digest = ''] = stored.split(':').map((part) => Buffer.from(part, 'base64'));
  return timingSafeEqual(await hash(password, Buffer.from(salt), 32), Buffer.from(digest));
}

const tokenHash = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Name of the uploaded certificate. As with the real product, dropping the table brings the generated one back. */
const EXTERNAL = 'external';

/** Users, tokens and certificates, shared by all Webapps. */
export class WebStore {
  readonly #database: Kysely<WebTables>;
  readonly #dialect: Dialect;

  constructor(databases: Pick<Databases, 'web' | 'dialect'>) {
    this.#database = databases.web;
    this.#dialect = databases.dialect;
  }

  /** A new installation has the user admin with a known password. */
  async ensureAdmin(): Promise<void> {
    const { username, password } = DEFAULT_ADMIN;
    const known = await this.#database
      .selectFrom('users')
      .select('username')
      .where('username', '=', username)
      .executeTakeFirst();
    if (known) return;
    await this.#dialect
      .orIgnore(
        this.#database.insertInto('users').values({
          username,
          password_hash: await hashPassword(password),
          role: 'ROLE_ADMIN',
          must_change: true,
        }),
      )
      .execute();
  }

  async checkPassword(username: string, password: string): Promise<User | undefined> {
    const row = await this.#database
      .selectFrom('users')
      .selectAll()
      .where('username', '=', username)
      .executeTakeFirst();
    if (!row || !(await isPassword(password, row.password_hash))) return undefined;
    return { username, role: row.role as Role, mustChange: row.must_change };
  }

  async user(username: string): Promise<User | undefined> {
    const row = await this.#database
      .selectFrom('users')
      .select(['username', 'role', 'must_change'])
      .where('username', '=', username)
      .executeTakeFirst();
    return row && { username: row.username, role: row.role as Role, mustChange: row.must_change };
  }

  /** @returns whether the name was free */
  async createUser(username: string, password: string): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.#dialect
      .orIgnore(
        this.#database.insertInto('users').values({
          username,
          password_hash: await hashPassword(password),
          role: 'ROLE_USER',
          must_change: false,
        }),
      )
      .executeTakeFirst();
    return numInsertedOrUpdatedRows === 1n;
  }

  /** Deletes a user with all tokens. @returns whether the user existed */
  async deleteUser(username: string): Promise<boolean> {
    const { numDeletedRows } = await this.#database
      .deleteFrom('users')
      .where('username', '=', username)
      .executeTakeFirst();
    return numDeletedRows === 1n;
  }

  async setPassword(username: string, password: string): Promise<void> {
    await this.#database
      .updateTable('users')
      .set({ password_hash: await hashPassword(password), must_change: false })
      .where('username', '=', username)
      .execute();
  }

  async storeToken(token: string, username: string, expiresAtMs: number): Promise<void> {
    await this.#database
      .insertInto('tokens')
      .values({ hash: tokenHash(token), username, expires_at: new Date(expiresAtMs) })
      .execute();
  }

  /** The user of a valid token. */
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

  /** A value that all Webapps share: that of the first Webapp to store it. */
  async #shared(name: string, make: () => Promise<string>): Promise<string> {
    const read = () =>
      this.#database.selectFrom('certs').select('pem').where('name', '=', name).executeTakeFirst();
    const known = await read();
    if (known) return known.pem;
    const insert = this.#database.insertInto('certs').values({ name, pem: await make() });
    await this.#dialect.orIgnore(insert).execute();
    return (await read())?.pem ?? '';
  }

  /** The generated certificate, made at the first start and then shared. Source: docs/onprem/api-admin.md §1.1. */
  async certificate(serverNames: readonly string[]): Promise<WebCertificate> {
    const name = `generated:${createHash('sha256').update(serverNames.join()).digest('hex').slice(0, 20)}`;
    const authority = JSON.parse(
      await this.#shared('generated-ca', async () =>
        JSON.stringify(
          await createAuthority({
            subject: 'C=US, ST=CA, L=Menlo Park, O=WhatsApp Inc., OU=Enterprise Client - AutoGen CA',
            algorithm: 'RSA',
            validDays: 365,
          }),
        ),
      ),
    ) as KeyPair;
    const server = JSON.parse(
      await this.#shared(name, async () =>
        JSON.stringify(
          await issueCertificate(authority, {
            commonName: serverNames[0] ?? 'localhost',
            hosts: serverNames,
            usage: 'server',
            validDays: 365,
          }),
        ),
      ),
    ) as KeyPair;
    return { server, caPem: authority.certificatePem };
  }

  /** The uploaded key and chain; undefined if the generated certificate is in use. */
  async externalCertificate(): Promise<string | undefined> {
    const row = await this.#database
      .selectFrom('certs')
      .select('pem')
      .where('name', '=', EXTERNAL)
      .executeTakeFirst();
    return row?.pem;
  }

  async setExternalCertificate(pem: string): Promise<void> {
    const insert = this.#database.insertInto('certs').values({ name: EXTERNAL, pem });
    await this.#dialect.orUpdate(insert, 'name', { pem }).execute();
  }

  /** The signing key of tokens, if none is configured. */
  jwtKey(): Promise<string> {
    return this.#shared('jwt-key', async () => randomBytes(48).toString('base64url'));
  }
}
