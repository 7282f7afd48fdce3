import { aborted } from '../../base/aborted.ts';
import { type Clock, withDeadline } from '../../base/clock.ts';
import type { NetworkProtocol } from '../wire/networkProtocol.ts';
import { Unreachable } from '../wire/protocol.ts';
import type { Peer } from '../wire/rpcServer.ts';

/** A process of the release before never says that it is done. */
const OBEYED_WITHIN_MS = 5_000;
const NEVER = new AbortController().signal;

/** Tells other processes to do something, and waits until they have. */
export class Orders {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, { peers: Set<Peer<NetworkProtocol>>; done: () => void }>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `tell` sends the order to one process. Resolves when all of them have obeyed or gone, or after five seconds. */
  async give(
    peers: readonly Peer<NetworkProtocol>[],
    tell: (peer: Peer<NetworkProtocol>, order: number) => void,
  ): Promise<void> {
    if (peers.length === 0) return;
    this.#last += 1;
    const order = this.#last;
    const obeyed = new Promise<void>((done) => {
      this.#waiting.set(order, { peers: new Set(peers), done });
    });
    for (const peer of peers) tell(peer, order);
    const late = () => new Unreachable('a process of the stack');
    const patience = withDeadline(this.#clock, NEVER, OBEYED_WITHIN_MS, late);
    await Promise.race([obeyed, aborted(patience.signal)]);
    patience.release();
    this.#waiting.delete(order);
  }

  obeyed(order: number, peer: Peer<NetworkProtocol>): void {
    const waiting = this.#waiting.get(order);
    waiting?.peers.delete(peer);
    if (waiting?.peers.size === 0) waiting.done();
  }

  disconnected(peer: Peer<NetworkProtocol>): void {
    for (const order of this.#waiting.keys()) this.obeyed(order, peer);
  }
}
