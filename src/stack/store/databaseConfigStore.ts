import type { Kysely } from 'kysely';
import { type Account, ConfigStore } from './configStore.ts';
import type { Databases } from './databases.ts';
import type { Dialect } from './dialect.ts';
import type { ConfigTables } from './tables.ts';

/** Tables with a single row use this id. */
const ONLY = 1;

/** Configuration in the database, `WA_CONFIG_ON_DB=1`: what a cluster needs. */
export class DatabaseConfigStore extends ConfigStore {
  readonly #database: Kysely<ConfigTables>;
  readonly #dialect: Dialect;

  constructor(databases: Pick<Databases, 'config' | 'dialect'>) {
    super();
    this.#database = databases.config;
    this.#dialect = databases.dialect;
  }

  async document(name: string): Promise<unknown> {
    const row = await this.#database
      .selectFrom('settings')
      .select('value')
      .where('name', '=', name)
      .executeTakeFirst();
    return row && JSON.parse(row.value);
  }

  async saveDocument(name: string, content: unknown): Promise<void> {
    if (content === undefined) {
      await this.#database.deleteFrom('settings').where('name', '=', name).execute();
      return;
    }
    const value = JSON.stringify(content);
    const insert = this.#database.insertInto('settings').values({ name, value });
    await this.#dialect.orUpdate(insert, 'name', { value }).execute();
  }

  async documents(): Promise<Record<string, unknown>> {
    const rows = await this.#database.selectFrom('settings').selectAll().execute();
    return Object.fromEntries(rows.map(({ name, value }) => [name, JSON.parse(value)]));
  }

  async account(): Promise<Account | undefined> {
    const row = await this.#database.selectFrom('account').selectAll().executeTakeFirst();
    if (!row) return undefined;
    return {
      cc: row.cc,
      phoneNumber: row.phone_number,
      vname: row.vname,
      cert: row.cert,
      registrationKey: row.registration_key ?? undefined,
      pin: row.pin ?? undefined,
    };
  }

  async saveAccount(account: Account): Promise<void> {
    const row = {
      cc: account.cc,
      phone_number: account.phoneNumber,
      vname: account.vname,
      cert: account.cert,
      registration_key: account.registrationKey ?? null,
      pin: account.pin ?? null,
    };
    const insert = this.#database.insertInto('account').values({ id: ONLY, ...row });
    await this.#dialect.orUpdate(insert, 'id', row).execute();
  }

  async webhookCa(): Promise<string | undefined> {
    return (await this.#database.selectFrom('webhook_ca').select('pem').executeTakeFirst())?.pem;
  }

  async setWebhookCa(pem: string | undefined): Promise<void> {
    if (pem === undefined) {
      await this.#database.deleteFrom('webhook_ca').execute();
      return;
    }
    const insert = this.#database.insertInto('webhook_ca').values({ id: ONLY, pem });
    await this.#dialect.orUpdate(insert, 'id', { pem }).execute();
  }
}
