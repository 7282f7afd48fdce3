import { Counter, type Registry } from 'prom-client';

/** Upper bounds in milliseconds, for the label `le`. Few, because every node has them for every set of labels. */
const BOUNDS_MS = [25, 50, 100, 250, 500, 1_000, 2_500, 10_000, Number.POSITIVE_INFINITY] as const;

interface Durations<L extends string> {
  readonly labels: Readonly<Record<L, string>>;
  /** Durations by the index of the lowest bound that holds them; not yet in the counter. */
  readonly added: number[];
}

/**
 * Counts durations in buckets, `<name>_bucket` with the label `le`, as Prometheus computes quantiles from. Our stack has them
 * beside the vendor's pair `<name>_sum` and `<name>_count`. Like a Tally, it does little for each duration.
 */
export class DurationBuckets<L extends string = never> {
  readonly #names: readonly L[];
  readonly #durations = new Map<string, Durations<L>>();

  constructor(options: {
    readonly name: string;
    readonly help: string;
    readonly registers: Registry[];
    readonly labelNames?: readonly L[];
  }) {
    const { name, help, registers, labelNames = [] } = options;
    this.#names = labelNames;
    const durations = this.#durations;
    new Counter<L | 'le'>({
      name: `${name}_bucket`,
      help: `${help}, by upper bound in milliseconds`,
      registers,
      labelNames: [...labelNames, 'le'],
      collect() {
        for (const { labels, added } of durations.values()) {
          let total = 0;
          for (const [index, bound] of BOUNDS_MS.entries()) {
            total += added[index] ?? 0;
            const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound);
            this.inc({ ...labels, le } as Record<L | 'le', string>, total);
          }
          added.fill(0);
        }
      },
    });
  }

  add(labels: Readonly<Record<L, string>>, ms: number): void {
    let key = '';
    for (const name of this.#names) key += `${labels[name]}\n`;
    let durations = this.#durations.get(key);
    if (!durations) {
      durations = { labels, added: BOUNDS_MS.map(() => 0) };
      this.#durations.set(key, durations);
    }
    const index = BOUNDS_MS.findIndex((bound) => ms <= bound);
    durations.added[index] = (durations.added[index] ?? 0) + 1;
  }
}
