/** As many as the network remembers. */
const MOST = 2_000;

interface Listed<T> {
  readonly records: readonly T[];
  /** Id of the newest. */
  readonly lastId: number;
}

/** What the network has logged, the newest first. New records come by themselves. */
export class RecordLog<T extends { readonly id: number }> {
  readonly #read: (limit: number) => Promise<Listed<T>>;
  readonly #records = new Map<number, T>();
  /** Called whenever there is something new. */
  onChange: () => void = () => {};

  /** `read`: the newest so many. */
  constructor(read: (limit: number) => Promise<Listed<T>>) {
    this.#read = read;
  }

  all(): T[] {
    return [...this.#records.values()].sort((a, b) => b.id - a.id);
  }

  find(id: number): T | undefined {
    return this.#records.get(id);
  }

  /** Reads all of it: at the start, after a reset, and when the connection was lost. */
  async load(): Promise<void> {
    const { records, lastId } = await this.#read(MOST);
    // What came while the list was on its way is newer than it.
    const newer = [...this.#records.values()].filter(({ id }) => id > lastId);
    this.#records.clear();
    for (const record of [...records, ...newer]) this.#records.set(record.id, record);
    this.onChange();
  }

  take(record: T): void {
    this.#records.set(record.id, record);
    if (this.#records.size > MOST) this.#records.delete(Math.min(...this.#records.keys()));
    this.onChange();
  }
}
