import { aborted } from '../../base/aborted.ts';
import { type Clock, withDeadline } from '../../base/clock.ts';
import { type ApiCall, type ApiFault, type CallPattern, isMeant } from '../wire/apiFault.ts';
import type { NetworkProtocol } from '../wire/networkProtocol.ts';
import { type EventBody, Unreachable } from '../wire/protocol.ts';
import type { Peer } from '../wire/rpcServer.ts';
import { FaultRules } from './faultRules.ts';

/** How long `set` waits for Webapps to know the faults. */
const SEEN_TIMEOUT_MS = 5_000;

interface Webapp {
  readonly name: string;
  seen: number;
}

/** Faults of API calls. Webapps know which calls the faults select, and ask about each such call. */
export class ApiFaults {
  readonly #clock: Clock;
  readonly #rules: FaultRules<ApiFault, ApiCall>;
  readonly #webapps = new Map<Peer<NetworkProtocol>, Webapp>();
  #revision = 0;
  /** Callers of `set` that wait until every Webapp knows. */
  #waiting: (() => void)[] = [];

  constructor({ clock, random }: { clock: Clock; random: () => number }) {
    this.#clock = clock;
    this.#rules = new FaultRules<ApiFault, ApiCall>(isMeant, random);
  }

  /** Replaces all faults. Resolves once every Webapp knows. */
  async set(faults: readonly ApiFault[], signal: AbortSignal): Promise<void> {
    this.#rules.set(faults);
    await this.#tellAll(signal);
  }

  /** Adds a fault, which applies to calls that no earlier one meets. @returns its id, once every Webapp knows */
  async add(fault: ApiFault, signal: AbortSignal): Promise<number> {
    const id = this.#rules.add(fault);
    await this.#tellAll(signal);
    return id;
  }

  /** @returns whether there was one with this id, once every Webapp knows */
  async remove(id: number, signal: AbortSignal): Promise<boolean> {
    const wasThere = this.#rules.remove(id);
    if (wasThere) await this.#tellAll(signal);
    return wasThere;
  }

  /** All faults with the number of calls that each has met, and the Webapps that are connected. */
  list(): { faults: (ApiFault & { id: number; met: number })[]; webapps: string[] } {
    return {
      faults: this.#rules.list(),
      webapps: [...this.#webapps.values()].map(({ name }) => name).sort(),
    };
  }

  async #tellAll(signal: AbortSignal): Promise<void> {
    const seen = new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
    const patience = withDeadline(this.#clock, signal, SEEN_TIMEOUT_MS, () => new Unreachable('a Webapp'));
    this.#announce();
    await Promise.race([seen, aborted(patience.signal)]);
    patience.release();
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
    const met = this.#rules.meet(call);
    if (met?.isUsedUp) this.#announce();
    return met?.fault;
  }

  /** The Webapps that are connected. */
  peers(): Peer<NetworkProtocol>[] {
    return [...this.#webapps.keys()];
  }

  #watched(): { revision: number; calls: CallPattern[] } {
    const calls = this.#rules
      .left()
      .map(({ method, path, webapp, to, type }) => ({ method, path, webapp, to, type }));
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
