import { join } from 'node:path';
import { Journal } from '../../../base/journal.ts';
import type { Logger } from '../../../base/logger.ts';

/** A row that was set, or without a value deleted. */
interface Change {
  readonly table: string;
  readonly key: string;
  readonly value?: unknown;
}

/** One for all: several commits belong to each message, and without a journal there is nothing to wait for. */
const COMMITTED = Promise.resolve();

/** Rows by key, in the order in which their keys came. */
export interface Table<V> {
  readonly rows: ReadonlyMap<string, V>;
  set(key: string, value: V): void;
  delete(key: string): boolean;
}

/**
 * Tables in memory. With a folder, what changes is written to a journal there, and is read again at the next start.
 * A change is seen at once, and safe when `commit` resolves.
 */
export class MemoryTables {
  readonly #tables = new Map<string, Map<string, unknown>>();
  #journal: Journal<Change> | undefined;
  #changes: Change[] = [];

  static async open(folder: string | undefined, logger: Logger): Promise<MemoryTables> {
    const tables = new MemoryTables();
    if (folder === undefined) return tables;
    let isLoaded = false;
    tables.#journal = await Journal.open<Change>(join(folder, 'stack.jsonl'), {
      // Later changes are in memory before they are written.
      apply: (change) => isLoaded || tables.#apply(change),
      snapshot: () => tables.#all(),
      logger,
    });
    isLoaded = true;
    return tables;
  }

  table<V>(name: string): Table<V> {
    const rows = this.#rowsOf(name) as Map<string, V>;
    const note = (change: Omit<Change, 'table'>) => {
      if (this.#journal) this.#changes.push({ table: name, ...change });
    };
    return {
      rows,
      set: (key, value) => {
        rows.set(key, value);
        note({ key, value });
      },
      delete: (key) => {
        const wasThere = rows.delete(key);
        if (wasThere) note({ key });
        return wasThere;
      },
    };
  }

  /** Resolves when all changes until now are on the disk. @throws the error of the disk */
  commit(): Promise<void> {
    const changes = this.#changes;
    if (changes.length === 0 || !this.#journal) return COMMITTED;
    this.#changes = [];
    return this.#journal.append(...changes);
  }

  /** The rows of some tables, as a text. */
  snapshot(names: readonly string[]): string {
    return JSON.stringify(names.map((name) => [name, [...this.#rowsOf(name)]]));
  }

  /** Brings the rows of `snapshot` back. */
  async restore(text: string): Promise<void> {
    for (const [name, rows] of JSON.parse(text) as [string, [string, unknown][]][]) {
      const table = this.table(name);
      for (const key of [...table.rows.keys()]) table.delete(key);
      for (const [key, value] of rows) table.set(key, value);
    }
    await this.commit();
  }

  async close(): Promise<void> {
    await this.#journal?.close();
  }

  #rowsOf(name: string): Map<string, unknown> {
    const rows = this.#tables.get(name) ?? new Map<string, unknown>();
    this.#tables.set(name, rows);
    return rows;
  }

  #apply({ table, key, value }: Change): void {
    if (value === undefined) this.#rowsOf(table).delete(key);
    else this.#rowsOf(table).set(key, value);
  }

  *#all(): Generator<Change> {
    for (const [table, rows] of this.#tables) for (const [key, value] of rows) yield { table, key, value };
  }
}
