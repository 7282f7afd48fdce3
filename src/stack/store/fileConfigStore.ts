import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, ConfigStore } from './configStore.ts';

interface Content {
  readonly documents: Readonly<Record<string, unknown>>;
  readonly account?: Account | undefined;
  readonly webhookCa?: string | undefined;
}

/**
 * Configuration in a file of the data directory, where `WA_CONFIG_ON_DB` is not set. Nodes of a cluster must share
 * the directory. Not found in any source: name and shape of the file.
 */
export class FileConfigStore extends ConfigStore {
  readonly #folder: string;
  /** Changes run one after the other, because each starts from the result of the last. */
  #changing: Promise<void> = Promise.resolve();

  constructor(folder: string) {
    super();
    this.#folder = folder;
  }

  async document(name: string): Promise<unknown> {
    return (await this.#read()).documents[name];
  }

  async documents(): Promise<Record<string, unknown>> {
    return { ...(await this.#read()).documents };
  }

  saveDocument(name: string, content: unknown): Promise<void> {
    return this.#change(({ documents, ...rest }) => ({
      ...rest,
      documents: { ...documents, [name]: content },
    }));
  }

  async account(): Promise<Account | undefined> {
    return (await this.#read()).account;
  }

  saveAccount(account: Account): Promise<void> {
    return this.#change((content) => ({ ...content, account }));
  }

  async webhookCa(): Promise<string | undefined> {
    return (await this.#read()).webhookCa;
  }

  setWebhookCa(webhookCa: string | undefined): Promise<void> {
    return this.#change((content) => ({ ...content, webhookCa }));
  }

  get #path(): string {
    return join(this.#folder, 'config.json');
  }

  /** Read each time: another node of the cluster may have written it. */
  async #read(): Promise<Content> {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8')) as Content;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { documents: {} };
      throw error;
    }
  }

  #change(change: (content: Content) => Content): Promise<void> {
    const changed = this.#changing.then(async () => {
      await mkdir(this.#folder, { recursive: true });
      const draft = `${this.#path}.${randomUUID()}`;
      // The file holds the registration and the PIN. A rename replaces it, so that nobody reads half of it.
      await writeFile(draft, JSON.stringify(change(await this.#read())), { mode: 0o600, flush: true });
      await rename(draft, this.#path);
    });
    this.#changing = changed.catch(() => {});
    return changed;
  }
}
