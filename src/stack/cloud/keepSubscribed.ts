import { type Clock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { GraphClient } from './graphClient.ts';

export interface Subscription {
  readonly graph: Pick<GraphClient, 'subscribe'>;
  readonly businessAccountId: string;
  readonly url: string;
  readonly verifyToken: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const AGAIN_MS = { first: 2_000, longest: 300_000 } as const;
/** Somebody may have changed it by hand. */
const RENEW_MS = 6 * 3_600_000;
const LOOK_EVERY_MS = 2_000;

/** Has the webhooks of the business account come here until the signal fires, also with another verify token. */
export async function keepSubscribed(subscription: Subscription, signal: AbortSignal): Promise<void> {
  const { graph, businessAccountId, url, verifyToken, clock, logger } = subscription;
  let failures = 0;
  while (!signal.aborted) {
    const token = verifyToken();
    let untilMs = clock.now() + RENEW_MS;
    try {
      await graph.subscribe({ businessAccountId, url, verifyToken: token }, signal);
      if (failures > 0) logger.info('webhooks are subscribed', { url });
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      logger.warn('webhooks could not be subscribed; trying again', { url, error });
      untilMs = clock.now() + Math.min(AGAIN_MS.longest, AGAIN_MS.first * 2 ** failures);
      failures += 1;
    }
    while (!signal.aborted && clock.now() < untilMs && (failures > 0 || verifyToken() === token))
      await sleep(clock, Math.min(LOOK_EVERY_MS, untilMs - clock.now()), signal).catch(() => {});
  }
}
