import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/silentLogger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { KubeClient } from '../kube/client.ts';
import type { KubeRequest } from '../kube/transport.ts';
import { SimulatedApiServer } from './simulatedApiServer.ts';
import { type Fault, SimulatedTransport } from './simulatedTransport.ts';

/** Virtual time begins then. */
const START_MS = Date.UTC(2030, 0, 1);
const STEP_MS = 50;
const PATIENCE_MS = 10 * 60_000;

export interface SimulatedClusterOptions {
  /** The fault of each request of the managers; default: none. */
  readonly fault?: (request: KubeRequest) => Fault;
  /** Lets the managers spread their delays; default: always 0.5, so that a run can be repeated. */
  readonly random?: () => number;
}

/** A simulated API server under virtual time, and how a Manager and a test reach it. */
export class SimulatedCluster {
  readonly clock = new VirtualClock(START_MS);
  readonly server = new SimulatedApiServer({ clock: this.clock });
  /** For the test itself: its requests never fail, and need no virtual time. */
  readonly client = new KubeClient(new SimulatedTransport({ server: this.server, clock: systemClock }));
  readonly #options: SimulatedClusterOptions;

  constructor(options: SimulatedClusterOptions = {}) {
    this.#options = options;
  }

  /** For `new Manager({ name, ...cluster.managerOptions() })`, once for each replica. */
  managerOptions() {
    const { fault, random = () => 0.5 } = this.#options;
    const { server, clock } = this;
    const connection = new SimulatedTransport({ server, clock, ...(fault ? { fault } : {}) });
    return { connection, clock, random, logger: silentLogger };
  }

  /**
   * Lets virtual time go by until `condition` gives a truthy value. Errors of `condition` count as not yet.
   *
   * @returns that value. @throws the last error, or what is still so, after ten virtual minutes
   */
  async until<V>(condition: () => V | Promise<V>): Promise<Exclude<V, false | null | undefined>> {
    let last: unknown;
    for (let passedMs = 0; passedMs < PATIENCE_MS; passedMs += STEP_MS) {
      try {
        const value = await condition();
        if (value) return value as Exclude<V, false | null | undefined>;
        last = new Error(`after ten virtual minutes it is still ${String(value)}: ${condition}`);
      } catch (error) {
        last = error;
      }
      await this.clock.advance(STEP_MS);
    }
    throw last;
  }
}
