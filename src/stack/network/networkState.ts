import { Chats } from './chats.ts';
import { ConversationCount, DEFAULT_LIMITS, type MessagingLimits } from './messagingLimits.ts';
import type { Entry, NumberState, Outgoing, Person, SerialisedState } from './networkEntries.ts';

/** All that the network knows. Only `applyEntry` changes it, so that a journal of entries restores it. */
export class NetworkState {
  readonly numbers = new Map<string, NumberState>();
  readonly people = new Map<string, Person>();
  readonly outgoing = new Map<string, Outgoing>();
  /** Ids of messages that were accepted from businesses. */
  readonly seen = new Set<string>();
  /** Messages of people, by number and id: whether the business has read them. */
  readonly received = new Map<string, boolean>();
  readonly chats = new Chats();
  readonly #begun = new Map<string, ConversationCount>();
  nextEventId = 1;

  hasSeen(messageId: string): boolean {
    return this.seen.has(messageId);
  }

  /** Whether the business has read a person's message; undefined for an unknown message. */
  isRead(number: string, messageId: string): boolean | undefined {
    return this.received.get(`${number}/${messageId}`);
  }

  limits(number: string): MessagingLimits {
    return this.number(number).limits ?? DEFAULT_LIMITS;
  }

  /** Conversations that a number began. */
  begun(number: string): ConversationCount {
    const known = this.#begun.get(number) ?? new ConversationCount();
    this.#begun.set(number, known);
    return known;
  }

  person(waId: string): Person {
    const known = this.people.get(waId) ?? { lastWrote: {} };
    this.people.set(waId, known);
    return known;
  }

  number(number: string): NumberState {
    const known = this.numbers.get(number) ?? { vname: '', codeRequests: 0, registrations: 0, events: [] };
    this.numbers.set(number, known);
    return known;
  }

  snapshot(): Entry {
    return {
      type: 'snapshot',
      state: {
        numbers: [...this.numbers],
        people: [...this.people],
        outgoing: [...this.outgoing],
        seen: [...this.seen],
        received: [...this.received],
        chats: this.chats.toJSON(),
        begun: [...this.#begun].map(([number, count]) => [number, count.toJSON()]),
        nextEventId: this.nextEventId,
      },
    };
  }

  restore(state: SerialisedState): void {
    for (const [key, value] of state.numbers) this.numbers.set(key, value);
    for (const [key, value] of state.people) this.people.set(key, value);
    for (const [key, value] of state.outgoing) this.outgoing.set(key, value);
    for (const id of state.seen) this.seen.add(id);
    // Older snapshots lack the fields with a default.
    for (const [key, value] of state.received ?? []) this.received.set(key, value);
    this.chats.restore(state.chats ?? []);
    for (const [number, begun] of state.begun ?? []) this.#begun.set(number, new ConversationCount(begun));
    this.nextEventId = state.nextEventId;
  }
}
