import { type Clock, sleep } from '../../base/clock.ts';
import { describeError } from '../../base/codedError.ts';
import { eitherSignal } from '../../base/eitherSignal.ts';
import type { Logger } from '../../base/logger.ts';
import type { GatewayStatus } from '../../cloud/gatewayStatus.ts';
import { isoTime } from './graphWatch.ts';
import type { GraphWebhooks } from './graphWebhooks.ts';

export interface SubscriptionOptions {
  readonly webhooks: Pick<GraphWebhooks, 'subscribe' | 'isSubscribed' | 'unsubscribe'>;
  /** Where Graph reaches the webhook port; without it somebody subscribes by hand. */
  readonly url: string | undefined;
  readonly verifyToken: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends with the gateway. */
  readonly signal: AbortSignal;
}

const AGAIN_MS = { first: 2_000, longest: 300_000 } as const;
/** So that the URL is verified again. */
const RENEW_MS = 6 * 3_600_000;
/** Somebody may have changed it by hand, or have removed the subscription of the account for another number. */
const CHECK_MS = 60_000;
const LOOK_EVERY_MS = 2_000;
const DETAIL_LENGTH = 1_024;

/** Has the webhooks of the number come here, until `remove`. */
export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #stop = new AbortController();
  #keeping: Promise<void> = Promise.resolve();
  #status: GatewayStatus['subscription'];

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    const { url } = options;
    this.#status = url === undefined ? { state: 'NotManaged' } : { state: 'Pending', url };
  }

  get status(): GatewayStatus['subscription'] {
    return this.#status;
  }

  /** Subscribes, also with another verify token, until the gateway ends. */
  keep(): void {
    const { url, signal } = this.#options;
    if (url === undefined) return;
    const ends = eitherSignal(signal, this.#stop.signal);
    this.#keeping = this.#keep(url, ends.signal).finally(ends.release);
  }

  /** Removes the subscription, and subscribes no more. @returns false if Graph did not remove it */
  async remove(): Promise<boolean> {
    const { webhooks, url, logger, signal } = this.#options;
    if (url === undefined) return true;
    this.#stop.abort(new Error('the subscription is removed'));
    // An attempt that is under way would subscribe once more.
    await this.#keeping;
    if (this.#status.state === 'Removed') return true;
    try {
      await webhooks.unsubscribe(url, signal);
      this.#status = { state: 'Removed', url };
      logger.info('webhooks are not subscribed any more', { url });
      return true;
    } catch (error) {
      logger.warn('the subscription of webhooks could not be removed', { url, error });
      this.#status = { ...this.#status, state: 'Failed', detail: shortened(error) };
      return false;
    }
  }

  async #keep(url: string, signal: AbortSignal): Promise<void> {
    const { webhooks, verifyToken, clock, logger } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const token = verifyToken();
      let untilMs = clock.now() + RENEW_MS;
      try {
        // Not cut short by `remove`: Graph could still act on it after the removal.
        await webhooks.subscribe(url, token, this.#options.signal);
        if (failures > 0) logger.info('webhooks are subscribed', { url });
        failures = 0;
        this.#status = { state: 'Subscribed', url, acceptedAt: isoTime(clock.now()) };
      } catch (error) {
        if (signal.aborted) return;
        logger.warn('webhooks could not be subscribed; trying again', { url, error });
        const { acceptedAt } = this.#status;
        this.#status = {
          state: 'Failed',
          url,
          detail: shortened(error),
          ...(acceptedAt === undefined ? {} : { acceptedAt }),
        };
        untilMs = clock.now() + Math.min(AGAIN_MS.longest, AGAIN_MS.first * 2 ** failures);
        failures += 1;
      }
      let checkAtMs = clock.now() + CHECK_MS;
      while (!signal.aborted && clock.now() < untilMs && (failures > 0 || verifyToken() === token)) {
        await sleep(clock, Math.min(LOOK_EVERY_MS, untilMs - clock.now()), signal).catch(() => {});
        if (failures > 0 || clock.now() < checkAtMs) continue;
        if (!(await this.#isStillThere(url, signal))) break;
        checkAtMs = clock.now() + CHECK_MS;
      }
    }
  }

  /** True also if Graph does not tell. */
  async #isStillThere(url: string, signal: AbortSignal): Promise<boolean> {
    const { webhooks, logger } = this.#options;
    try {
      const isThere = await webhooks.isSubscribed(url, signal);
      if (!isThere) logger.warn('webhooks were subscribed elsewhere; subscribing them here again', { url });
      return isThere;
    } catch (error) {
      if (!signal.aborted) logger.debug('the Cloud API does not tell where webhooks go', { error });
      return true;
    }
  }
}

const shortened = (error: unknown): string => describeError(error).slice(0, DETAIL_LENGTH);
