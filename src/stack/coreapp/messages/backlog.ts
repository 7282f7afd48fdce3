import type { Clock } from '../../../base/clock.ts';
import type { MessageStore } from '../../store/messageStore.ts';
import { Refusal } from '../../wire/protocol.ts';

/**
 * What may wait in the database before messages are refused (1016). Source, for callbacks:
 * docs/onprem/api-messaging.md §7.2. Not found in any source: the limit for messages.
 */
const QUEUE_LIMITS = { messages: 100_000, callbacks: 100_000 } as const;
const COUNT_EVERY_MS = 5_000;

/** Number of waiting messages and callbacks of a shard: counted every few seconds, estimated in between. */
export class Backlog {
  readonly #store: Pick<MessageStore, 'waiting'>;
  readonly #clock: Clock;
  readonly #limits: { readonly messages: number; readonly callbacks: number };
  #waiting = { messages: 0, callbacks: 0 };
  #moreSince = 0;
  #countAt = 0;

  constructor(store: Pick<MessageStore, 'waiting'>, clock: Clock, limits: Backlog['limits'] = QUEUE_LIMITS) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
  }

  get limits(): { readonly messages: number; readonly callbacks: number } {
    return this.#limits;
  }

  /** One more message. @throws Refusal 1016 while a queue is full */
  add(): void {
    const { messages, callbacks } = this.#waiting;
    if (callbacks >= this.#limits.callbacks)
      throw new Refusal(1016, 'the callback queue is full; is the webhook slow?');
    if (messages + this.#moreSince >= this.#limits.messages)
      throw new Refusal(1016, 'the queue of outgoing messages is full');
    this.#moreSince += 1;
  }

  /** One message less. */
  remove(): void {
    this.#moreSince -= 1;
  }

  /** Counts again when it is time. */
  async attend(shard: number): Promise<void> {
    if (this.#clock.monotonic() < this.#countAt) return;
    this.#countAt = this.#clock.monotonic() + COUNT_EVERY_MS;
    this.#moreSince = 0;
    this.#waiting = await this.#store.waiting(shard);
  }
}
