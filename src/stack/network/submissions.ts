import { type Clock, sleep } from '../../base/clock.ts';
import type { Billing, NetworkProtocol } from '../wire/networkProtocol.ts';
import type { CallRequest } from '../wire/protocol.ts';
import { Ceiling } from './ceiling.ts';
import type { Deliveries } from './deliveries.ts';
import type { NetworkFaults } from './networkFaults.ts';
import type { Session } from './sessions.ts';

export interface SubmissionsOptions {
  readonly deliveries: Deliveries;
  /** Whether the documented throughput applies. */
  readonly limits: boolean;
  readonly random: () => number;
  readonly clock: Clock;
  /** Ends with the network. */
  readonly signal: AbortSignal;
}

/** Messages that Coreapps hand over: the ceiling slows them down, and the faults of their number may meet them. */
export class Submissions {
  readonly #options: SubmissionsOptions;
  readonly #ceiling: Ceiling;
  readonly #faults = new Map<string, NetworkFaults>();

  constructor(options: SubmissionsOptions) {
    this.#options = options;
    this.#ceiling = new Ceiling(options.clock);
  }

  setFaults(number: string, faults: NetworkFaults): void {
    if (Object.keys(faults).length === 0) this.#faults.delete(number);
    else this.#faults.set(number, faults);
  }

  faults(number: string): NetworkFaults {
    return this.#faults.get(number) ?? {};
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  /** Resolves once the message is safe. */
  async accept(request: CallRequest<NetworkProtocol, 'send'>, session: Session): Promise<Billing> {
    const { deliveries, limits, random, clock, signal } = this.#options;
    const {
      latencyMs = 0,
      cutShare = 0,
      failsWith,
      failShare = 1,
      lossShare = 0,
    } = this.#faults.get(session.number) ?? {};
    if (limits) await this.#ceiling.turn(session.number, session.shards, signal);
    if (latencyMs > 0) await sleep(clock, latencyMs, signal);
    const fate =
      random() < lossShare ? 'lost' : failsWith !== undefined && random() < failShare ? failsWith : undefined;
    const billing = await deliveries.accept(session.number, request, fate);
    // The message is accepted, but the Coreapp gets no answer.
    if (random() < cutShare) session.peer.close();
    return billing;
  }
}
