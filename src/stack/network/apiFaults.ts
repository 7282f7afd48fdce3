import { aborted } from '../../base/aborted.ts';
import { type Clock, withDeadline } from '../../base/clock.ts';
import { seeded } from '../../base/seeded.ts';
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

/** A fault that is set, with what it has met. */
class Rule {
  readonly fault: ApiFault;
  readonly id: number;
  readonly #random: () => number;
  /** Calls that it selected, and those of them that it hit. */
  #selected = 0;
  met = 0;

  constructor(fault: ApiFault, id: number, random: () => number) {
    this.fault = fault;
    this.id = id;
    this.#random = fault.seed === undefined ? random : seeded(fault.seed);
  }

  get isUsedUp(): boolean {
    return this.met >= (this.fault.times ?? Number.POSITIVE_INFINITY);
  }

  /** Whether it hits this call, which is counted. */
  meets(call: ApiCall): boolean {
    if (this.isUsedUp || !isMeant(this.fault, call)) return false;
    this.#selected += 1;
    if (this.#selected % (this.fault.every ?? 1) !== 0 || this.#random() >= this.fault.share) return false;
    this.met += 1;
    return true;
  }
}

/** Faults of API calls. Webapps know which calls the faults select, and ask about each such call. */
export class ApiFaults {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #webapps = new Map<Peer<NetworkProtocol>, Webapp>();
  #rules: readonly Rule[] = [];
  #lastId = 0;
  #revision = 0;
  /** Callers of `set` that wait until every Webapp knows. */
  #waiting: (() => void)[] = [];

  constructor({ clock, random }: { clock: Clock; random: () => number }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Replaces all faults. Resolves once every Webapp knows. */
  async set(faults: readonly ApiFault[], signal: AbortSignal): Promise<void> {
    await this.#change(
      faults.map((fault) => this.#rule(fault)),
      signal,
    );
  }

  /** Adds a fault, which applies to calls that no earlier one meets. @returns its id, once every Webapp knows */
  async add(fault: ApiFault, signal: AbortSignal): Promise<number> {
    const rule = this.#rule(fault);
    await this.#change([...this.#rules, rule], signal);
    return rule.id;
  }

  /** @returns whether there was one with this id, once every Webapp knows */
  async remove(id: number, signal: AbortSignal): Promise<boolean> {
    const left = this.#rules.filter((rule) => rule.id !== id);
    const wasThere = left.length < this.#rules.length;
    if (wasThere) await this.#change(left, signal);
    return wasThere;
  }

  /** All faults with the number of calls that each has met, and the Webapps that are connected. */
  list(): { faults: (ApiFault & { id: number; met: number })[]; webapps: string[] } {
    return {
      faults: this.#rules.map(({ fault, id, met }) => ({ ...fault, id, met })),
      webapps: [...this.#webapps.values()].map(({ name }) => name).sort(),
    };
  }

  #rule(fault: ApiFault): Rule {
    this.#lastId += 1;
    return new Rule(fault, this.#lastId, this.#random);
  }

  async #change(rules: readonly Rule[], signal: AbortSignal): Promise<void> {
    this.#rules = rules;
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
    const rule = this.#rules.find((each) => each.meets(call));
    if (rule?.isUsedUp) this.#announce();
    return rule?.fault;
  }

  /** The Webapps that are connected. */
  peers(): Peer<NetworkProtocol>[] {
    return [...this.#webapps.keys()];
  }

  #watched(): { revision: number; calls: CallPattern[] } {
    const left = this.#rules.filter(({ isUsedUp }) => !isUsedUp);
    const calls = left.map(({ fault: { method, path, webapp, to, type } }) => ({
      method,
      path,
      webapp,
      to,
      type,
    }));
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
