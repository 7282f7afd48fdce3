/** A part of the emulator whose state a snapshot holds. */
export interface Snapshotted {
  snapshot(): string;
  /** Without a snapshot everything is forgotten. */
  restore(snapshot: string | undefined): Promise<void>;
}

const MOST = 50;

/** States that tests come back to. They are kept in memory. */
export class Snapshots {
  readonly #parts: Snapshotted[] = [];
  readonly #kept = new Map<string, readonly string[]>();
  #start: readonly (string | undefined)[] = [];

  /** Adds a part. The first one is restored last. */
  add(part: Snapshotted): void {
    this.#parts.push(part);
  }

  /** From now on a reset leads back to the present state. */
  begin(): void {
    this.#start = this.#now();
  }

  names(): string[] {
    return [...this.#kept.keys()];
  }

  /** @returns false if there are too many already */
  take(name: string): boolean {
    if (!this.#kept.has(name) && this.#kept.size >= MOST) return false;
    this.#kept.set(name, this.#now());
    return true;
  }

  async forget(name: string): Promise<void> {
    this.#kept.delete(name);
  }

  /** @returns whether there is one of this name */
  async restore(name: string): Promise<boolean> {
    const kept = this.#kept.get(name);
    if (kept) await this.#bringBack(kept);
    return kept !== undefined;
  }

  /** Back to the state of `begin`. */
  reset(): Promise<void> {
    return this.#bringBack(this.#start);
  }

  #now(): string[] {
    return this.#parts.map((part) => part.snapshot());
  }

  async #bringBack(texts: readonly (string | undefined)[]): Promise<void> {
    for (const [index, part] of [...this.#parts.entries()].reverse()) await part.restore(texts[index]);
  }
}
