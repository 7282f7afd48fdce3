import { Counter, type CounterConfiguration } from 'prom-client';

interface Count<L extends string> {
  readonly labels: Readonly<Record<L, string>>;
  /** Not yet in the counter. */
  by: number;
}

/**
 * A counter for code that runs for each message. The counter of prom-client checks, sorts and joins labels at each step; it
 * learns what was counted when somebody reads it.
 */
export class Tally<L extends string = never> {
  readonly #names: readonly L[];
  readonly #counts = new Map<string, Count<L>>();

  constructor(
    about: Pick<CounterConfiguration<L>, 'name' | 'help' | 'registers'> & { labelNames?: readonly L[] },
  ) {
    const { labelNames = [] } = about;
    this.#names = labelNames;
    const counts = this.#counts;
    new Counter<L>({
      ...about,
      labelNames,
      collect() {
        for (const count of counts.values()) {
          this.inc(count.labels as Record<L, string>, count.by);
          count.by = 0;
        }
      },
    });
  }

  add(labels: Readonly<Record<L, string>>, by = 1): void {
    let key = '';
    for (const name of this.#names) key += `${labels[name]}\n`;
    const count = this.#counts.get(key);
    if (count) count.by += by;
    else this.#counts.set(key, { labels, by });
  }
}
