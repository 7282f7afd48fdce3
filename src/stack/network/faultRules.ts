import { seeded } from '../../base/seeded.ts';

/** When a fault hits what it selects. */
interface Trigger {
  /** Share of what it selects. */
  readonly share: number;
  /** The same seed chooses the same ones; by default they differ from run to run. */
  readonly seed?: number | undefined;
  /** Hits only each nth. */
  readonly every?: number | undefined;
  /** How many it hits; no limit if absent. */
  readonly times?: number | undefined;
}

/** A fault that is set, with what it has met. */
class FaultRule<F extends Trigger> {
  readonly fault: F;
  readonly id: number;
  readonly #random: () => number;
  /** What it selected, and what of that it hit. */
  #selected = 0;
  met = 0;

  constructor(fault: F, id: number, random: () => number) {
    this.fault = fault;
    this.id = id;
    this.#random = fault.seed === undefined ? random : seeded(fault.seed);
  }

  get isUsedUp(): boolean {
    return this.met >= (this.fault.times ?? Number.POSITIVE_INFINITY);
  }

  /** Whether it hits one that it selects, which is counted. */
  hits(): boolean {
    this.#selected += 1;
    if (this.#selected % (this.fault.every ?? 1) !== 0 || this.#random() >= this.fault.share) return false;
    this.met += 1;
    return true;
  }
}

/** Faults in the order in which they were set. The first that hits is the one that counts. */
export class FaultRules<F extends Trigger, Selected> {
  readonly #isMeant: (fault: F, selected: Selected) => boolean;
  readonly #random: () => number;
  #rules: readonly FaultRule<F>[] = [];
  #lastId = 0;

  constructor(isMeant: (fault: F, selected: Selected) => boolean, random: () => number) {
    this.#isMeant = isMeant;
    this.#random = random;
  }

  set(faults: readonly F[]): void {
    this.#rules = faults.map((fault) => this.#rule(fault));
  }

  /** @returns its id */
  add(fault: F): number {
    const rule = this.#rule(fault);
    this.#rules = [...this.#rules, rule];
    return rule.id;
  }

  /** @returns whether there was one with this id */
  remove(id: number): boolean {
    const left = this.#rules.filter((rule) => rule.id !== id);
    const wasThere = left.length < this.#rules.length;
    this.#rules = left;
    return wasThere;
  }

  /** All faults, with how many each has met. */
  list(): (F & { id: number; met: number })[] {
    return this.#rules.map(({ fault, id, met }) => ({ ...fault, id, met }));
  }

  /** Those that may still hit something. */
  left(): F[] {
    return this.#rules.filter(({ isUsedUp }) => !isUsedUp).map(({ fault }) => fault);
  }

  /** The fault that hits, if any. It is counted. */
  meet(selected: Selected): { readonly fault: F; readonly isUsedUp: boolean } | undefined {
    const rule = this.#rules.find(
      (each) => !each.isUsedUp && this.#isMeant(each.fault, selected) && each.hits(),
    );
    return rule && { fault: rule.fault, isUsedUp: rule.isUsedUp };
  }

  #rule(fault: F): FaultRule<F> {
    this.#lastId += 1;
    return new FaultRule(fault, this.#lastId, this.#random);
  }
}
