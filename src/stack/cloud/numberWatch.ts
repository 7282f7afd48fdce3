import type { Logger } from '../../base/logger.ts';
import type { CloudSender } from './cloudSender.ts';
import type { CloudState } from './cloudState.ts';
import type { GraphClient } from './graphClient.ts';
import type { GraphWatch } from './graphWatch.ts';

export interface NumberWatchOptions {
  readonly graph: Pick<GraphClient, 'number' | 'probeAccount'>;
  readonly watch: GraphWatch;
  readonly sender: Pick<CloudSender, 'holds' | 'throughput'>;
  readonly state: Pick<CloudState, 'number'>;
  readonly businessAccountId: string;
  /** Messages a second that a person set; then that of the number does not count. */
  readonly throughput: number | undefined;
  readonly logger: Logger;
}

const CONNECTED = 'CONNECTED';

/** Asks Graph how the number is, and whether the token sees number and account. @throws what the number's call does */
export async function lookAtNumber(options: NumberWatchOptions, signal: AbortSignal): Promise<void> {
  const { graph, watch, sender, state, businessAccountId, throughput, logger } = options;
  const account = graph
    .probeAccount(businessAccountId, signal)
    .catch((error: unknown) =>
      logger.debug('the Cloud API does not tell of the business account', { error }),
    );
  try {
    const about = await graph.number(signal);
    watch.learned(about, state.number);
    // The vendor raises it by itself.
    if (throughput === undefined && about.throughput !== undefined) sender.throughput = about.throughput;
    if (about.status === CONNECTED) sender.holds.release('connected');
  } finally {
    await account;
  }
}
