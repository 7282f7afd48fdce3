import { aborted } from '../../base/aborted.ts';
import { type Clock, withDeadline } from '../../base/clock.ts';
import { type ApiCall, type ApiFault, type CallPattern, isMeant } from '../wire/apiFault.ts';
import type { NetworkProtocol } from '../wire/networkProtocol.ts';
import { type EventBody, Unreachable } from '../wire/protocol.ts';
import type { Peer } from '../wire/rpcServer.ts';

/** How long `set` waits for Webapps to know the faults. */
const SEEN_TIMEOUT_MS = 5_000;

interface Webapp {
  readonly name: string;
  seen: number;
}

/** Faults of API calls. Webapps know which calls the faults select, and ask about each such call. */
export class ApiFaults {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #webapps = new Map<Peer<NetworkProtocol>, Webapp>();
  #faults: readonly ApiFault[] = [];
  #met = new Map<ApiFault, number>();
  #revision = 0;
  /** Callers of `set` that wait until every Webapp knows. */
  #waiting: (() => void)[] = [];

  constructor({ clock, random }: { clock: Clock; random: () => number }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Replaces all faults. Resolves once every Webapp knows. */
  async set(faults: readonly ApiFault[], signal: AbortSignal): Promise<void> {
    this.#faults = faults;
    this.#met = new Map();
    const seen = new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
    const patience = withDeadline(this.#clock, signal, SEEN_TIMEOUT_MS, () => new Unreachable('a Webapp'));
    this.#announce();
    await Promise.race([seen, aborted(patience.signal)]);
    patience.release();
  }

  /** All faults with the number of calls that each has met, and the Webapps that are connected. */
  list(): { faults: (ApiFault & { met: number })[]; webapps: string[] } {
    return {
      faults: this.#faults.map((fault) => ({ ...fault, met: this.#met.get(fault) ?? 0 })),
      webapps: [...this.#webapps.values()].map(({ name }) => name).sort(),
    };
  }

  attach(name: string, peer: Peer<NetworkProtocol>): EventBody<NetworkProtocol, 'apiFaults'> {
    this.#webapps.set(peer, { name, seen: this.#revision });
    return this.#watched();
  }

  detach(peer: Peer<NetworkProtocol>): void {
    this.#webapps.delete(peer);
    this.#tellWhetherAllHaveSeen();
  }

  seen(revision: number, peer: Peer<NetworkProtocol>): void {
    const webapp = this.#webapps.get(peer);
    if (webapp) webapp.seen = revision;
    this.#tellWhetherAllHaveSeen();
  }

  /** The fault that a call meets, if any. It is counted. */
  meet(call: ApiCall): ApiFault | undefined {
    const fault = this.#left().find((each) => isMeant(each, call) && this.#random() < each.share);
    if (!fault) return undefined;
    const met = (this.#met.get(fault) ?? 0) + 1;
    this.#met.set(fault, met);
    if (met === fault.times) this.#announce();
    return fault;
  }

  #left(): ApiFault[] {
    return this.#faults.filter(
      (fault) => (this.#met.get(fault) ?? 0) < (fault.times ?? Number.POSITIVE_INFINITY),
    );
  }

  #watched(): { revision: number; calls: CallPattern[] } {
    const calls = this.#left().map(({ method, path, webapp }) => ({ method, path, webapp }));
    return { revision: this.#revision, calls };
  }

  #announce(): void {
    this.#revision += 1;
    for (const peer of this.#webapps.keys()) peer.emit('apiFaults', this.#watched());
    this.#tellWhetherAllHaveSeen();
  }

  #tellWhetherAllHaveSeen(): void {
    if ([...this.#webapps.values()].some(({ seen }) => seen < this.#revision)) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
