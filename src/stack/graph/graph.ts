import { randomBytes } from 'node:crypto';
import type { Logger } from '../../base/logger.ts';
import type { Network } from '../network/network.ts';
import { GraphNumbers } from './graphNumbers.ts';
import { Rehearsal } from './rehearsal/rehearsal.ts';
import { ResumableUploads } from './resumableUploads.ts';
import { GraphSender } from './sendGraphMessage.ts';
import { WebhookPoster } from './webhookPoster.ts';
import { changeOfEvent, stageChange, userIdChange } from './webhookValues.ts';

export interface GraphOptions {
  readonly network: Network;
  /** Whether the documented rates apply. */
  readonly limits: boolean;
  /** Hosts that links of messages may name; undefined: every host with a public address. */
  readonly mediaHosts?: readonly string[] | undefined;
  readonly logger: Logger;
  /** Reaches webhooks; for tests, which have no names of the Internet. */
  readonly fetch?: typeof fetch;
}

/** The app secret of a simulation that was given none. It is no secret: whoever reaches the port may call it. */
export const DEFAULT_APP_SECRET = 'emulator-app-secret';

/** The simulated Graph API: the same people, chats, templates and clock as the On-Premises side of the network. */
export class Graph {
  readonly network: Network;
  readonly numbers: GraphNumbers;
  readonly sender: GraphSender;
  readonly uploads: ResumableUploads;
  readonly rehearsal: Rehearsal;
  /** Signs the URLs of media. */
  readonly urlKey = randomBytes(32);
  readonly fetch: typeof fetch;
  readonly #poster: WebhookPoster;
  readonly #stop = new AbortController();
  readonly #stopWatching: () => void;

  constructor({ network, limits, mediaHosts, logger, fetch: call = fetch }: GraphOptions) {
    this.fetch = call;
    this.network = network;
    this.numbers = new GraphNumbers(network);
    this.sender = new GraphSender({ network, limits, mediaHosts, signal: this.#stop.signal });
    this.uploads = new ResumableUploads(network.media);
    const poster = new WebhookPoster(network, {
      appSecret: () => network.state.graph.app.appSecret ?? DEFAULT_APP_SECRET,
      logger,
      fetch: call,
    });
    this.#poster = poster;
    this.rehearsal = new Rehearsal(network, this.numbers, logger);
    network.join({
      rehearsal: this.rehearsal,
      changeOf: (number, body) => changeOfEvent(network, number, body),
      stageOf: (message, step) => stageChange(network, message, step),
      userIdChange: (number, change) => userIdChange(network, number, change),
      announce: (number) => poster.announce(number),
      post: (number, body, redeliveryOf) => poster.post(number, body, redeliveryOf),
    });
    this.#stopWatching = network.notices.watch(({ about }) => {
      if (about === 'reset') poster.clear();
    });
    poster.resume();
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  close(): void {
    this.#stop.abort();
    this.rehearsal.stop();
    this.#stopWatching();
    this.#poster.stop();
  }
}
