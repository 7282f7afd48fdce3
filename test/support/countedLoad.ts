import type { Callback } from '../../src/onprem/webhook.ts';

/** Calls that wait for their answer, at most; beyond, a message is left out. */
const MOST_OPEN = 200;

/** Sends messages at a steady rate, and keeps the ids of those that were accepted. */
export class CountedLoad {
  readonly accepted: string[] = [];
  refused = 0;
  readonly #stop = new AbortController();
  readonly #open = new Set<Promise<void>>();
  readonly #running: Promise<void>;
  readonly #send: (index: number) => Promise<string>;
  readonly #perSecond: number;

  constructor(send: (index: number) => Promise<string>, perSecond: number) {
    this.#send = send;
    this.#perSecond = perSecond;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#open);
  }

  async #run(): Promise<void> {
    const startedMs = performance.now();
    let index = 0;
    while (!this.#stop.signal.aborted) {
      const due = ((performance.now() - startedMs) / 1000) * this.#perSecond;
      for (; index < due; index++) if (this.#open.size < MOST_OPEN) this.#begin(index);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #begin(index: number): void {
    const call = this.#send(index)
      .then((id) => void this.accepted.push(id))
      .catch(() => {
        this.refused += 1;
      })
      .finally(() => this.#open.delete(call));
    this.#open.add(call);
  }
}

export interface Tally {
  /** Accepted messages that lack a status, each with those that came. */
  readonly lost: readonly string[];
  /** Statuses that came more than once, each time counted. */
  readonly repeated: number;
  /** Messages whose statuses came in another order than they happened. */
  readonly disordered: readonly string[];
}

const ORDER = ['sent', 'delivered', 'read'];

/** What became of the accepted messages, by the callbacks of a receiver, in the order of their arrival. */
export function tally(received: readonly Callback[], accepted: readonly string[]): Tally {
  const told = new Map<string, string[]>();
  for (const { statuses = [] } of received)
    for (const { id, status } of statuses) told.set(id, [...(told.get(id) ?? []), status]);
  let repeated = 0;
  const disordered: string[] = [];
  for (const [id, statuses] of told) {
    const first = [...new Set(statuses)];
    repeated += statuses.length - first.length;
    const inOrder = ORDER.filter((status) => first.includes(status));
    if (first.join() !== inOrder.join()) disordered.push(`${id}: ${statuses.join(' ')}`);
  }
  const lost = accepted
    .filter((id) => ORDER.some((status) => !told.get(id)?.includes(status)))
    .map((id) => `${id}: ${(told.get(id) ?? []).join(' ')}`);
  return { lost, repeated, disordered };
}
