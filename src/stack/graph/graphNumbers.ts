import { graphIds } from '../network/graphState.ts';
import type { Network } from '../network/network.ts';

/** Finds numbers by the ids of the Graph API. */
export class GraphNumbers {
  readonly #network: Pick<Network, 'state'>;

  constructor(network: Pick<Network, 'state'>) {
    this.#network = network;
  }

  byPhoneNumberId(id: string): string | undefined {
    return this.#numbers().find((number) => this.idsOf(number).phoneNumberId === id);
  }

  /** Numbers of a business account. */
  ofAccount(id: string): string[] {
    return this.#numbers().filter((number) => this.idsOf(number).businessAccountId === id);
  }

  idsOf(number: string) {
    return graphIds(number, this.#network.state.known(number).graph);
  }

  #numbers(): string[] {
    return [...this.#network.state.numbers.keys()];
  }
}
