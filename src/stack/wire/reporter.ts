import type { Clock } from '../../base/clock.ts';
import { TokenBucket } from '../../base/tokenBucket.ts';

/** Reports that arrive within this time travel together. */
const EVERY_MS = 20;
/**
 * More than the documented limits allow: 70 messages a second, with three statuses that wait and arrive, are 420 reports. Only
 * a measurement without limits loses some.
 */
const RATE = { burst: 2_000, perSecond: 500 } as const;

export interface ReporterOptions<R> {
  readonly clock: Clock;
  /** `skipped`: how many reports were left out since the last ones, to save time. A failure loses the reports. */
  readonly send: (reports: readonly R[], skipped: number) => Promise<unknown>;
}

/** Tells the network process what the control API shows of this process. It never waits, and it may lose reports. */
export class Reporter<R> {
  readonly #options: ReporterOptions<R>;
  readonly #allowance: TokenBucket;
  #waiting: R[] = [];
  #skipped = 0;
  #isScheduled = false;

  constructor(options: ReporterOptions<R>) {
    this.#options = options;
    this.#allowance = new TokenBucket(options.clock, RATE);
  }

  /** `make` is called only for a report that will be sent. */
  report(make: () => R): void {
    if (this.#allowance.tryTake()) this.#waiting.push(make());
    else this.#skipped += 1;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.clock.after(EVERY_MS, () => {
      this.#isScheduled = false;
      const [reports, skipped] = [this.#waiting, this.#skipped];
      this.#waiting = [];
      this.#skipped = 0;
      this.#send(reports, skipped).catch(() => {});
    });
  }

  /** Sends nothing of what waits. */
  forget(): void {
    this.#waiting = [];
    this.#skipped = 0;
  }

  /** Asynchronous also where `send` throws at once, which would end the process. */
  async #send(reports: readonly R[], skipped: number): Promise<void> {
    await this.#options.send(reports, skipped);
  }
}
