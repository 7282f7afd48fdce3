import { type Account, ConfigStore } from '../configStore.ts';
import type { MemoryTables, Table } from './memoryTables.ts';

const ONLY = 'only';

/** Settings and account in memory. */
export class MemoryConfigStore extends ConfigStore {
  readonly #tables: MemoryTables;
  /** As texts, so that nobody changes what is stored. */
  readonly #settings: Table<string>;
  readonly #account: Table<Account>;
  readonly #webhookCa: Table<string>;

  constructor(tables: MemoryTables) {
    super();
    this.#tables = tables;
    this.#settings = tables.table('settings');
    this.#account = tables.table('account');
    this.#webhookCa = tables.table('webhook_ca');
  }

  async document(name: string): Promise<unknown> {
    const text = this.#settings.rows.get(name);
    return text === undefined ? undefined : JSON.parse(text);
  }

  async saveDocument(name: string, content: unknown): Promise<void> {
    if (content === undefined) this.#settings.delete(name);
    else this.#settings.set(name, JSON.stringify(content));
    await this.#tables.commit();
  }

  async documents(): Promise<Record<string, unknown>> {
    return Object.fromEntries([...this.#settings.rows].map(([name, text]) => [name, JSON.parse(text)]));
  }

  async account(): Promise<Account | undefined> {
    return this.#account.rows.get(ONLY);
  }

  async saveAccount(account: Account): Promise<void> {
    this.#account.set(ONLY, account);
    await this.#tables.commit();
  }

  async webhookCa(): Promise<string | undefined> {
    return this.#webhookCa.rows.get(ONLY);
  }

  async setWebhookCa(pem: string | undefined): Promise<void> {
    if (pem === undefined) this.#webhookCa.delete(ONLY);
    else this.#webhookCa.set(ONLY, pem);
    await this.#tables.commit();
  }
}
