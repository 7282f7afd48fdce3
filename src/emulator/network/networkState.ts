import type { NetworkEvent } from '../wire/networkProtocol.ts';
import type { Behaviour, Stage } from './behaviour.ts';
import type { TemplateEntry } from './templates.ts';

/** One number, as the servers of WhatsApp know it. */
export interface NumberState {
  vname: string;
  /** SHA-256 of the code that is expected. */
  codeHash?: string;
  /** The code itself where the network chose it; a person reads it off the control page, as off a phone. */
  code?: string;
  codeRequestedAt?: number;
  codeRequests: number;
  registrationKey?: string;
  registrations: number;
  pin?: string;
  /** Empty: every template is approved. */
  templates?: TemplateEntry[];
  /** Not acknowledged yet. */
  events: NetworkEvent[];
}

export interface Person {
  profileName?: string;
  /** What differs from the default. */
  behaviour?: Partial<Behaviour>;
  /** How often their identity has changed: a new phone, a new installation. */
  identityChanges?: number;
  /** When this person last wrote to each number, epoch ms: the customer-care window. */
  lastWrote: Record<string, number>;
}

/** A message on its way to a person. */
export interface Outgoing {
  readonly number: string;
  readonly to: string;
  readonly messageType: string;
  readonly acceptedAt: number;
  readonly ttlDays?: number;
  /** Decided when it was accepted. */
  readonly failsWith?: number;
  /** Stages that the business was told of. */
  done: Stage[];
}

export type Entry =
  | { type: 'snapshot'; state: SerialisedState }
  | { type: 'code-requested'; number: string; vname: string; codeHash: string; code?: string; at: number }
  | { type: 'registered'; number: string; registrationKey: string }
  | { type: 'pin'; number: string; pin?: string }
  | ({ type: 'accepted'; id: string } & Omit<Outgoing, 'done'>)
  | { type: 'behaviour'; waId: string; behaviour: Partial<Behaviour> }
  | { type: 'identity-changed'; waId: string }
  | { type: 'templates'; number: string; templates: TemplateEntry[] }
  | { type: 'read-by-business'; number: string; id: string }
  | { type: 'stage'; id: string; stage: Stage }
  /** Nothing more will happen to it. */
  | { type: 'finished'; id: string }
  | { type: 'event'; number: string; event: NetworkEvent }
  | { type: 'acknowledged'; number: string; eventIds: number[] }
  | { type: 'person'; waId: string; profileName?: string; wroteTo?: string; messageId?: string; at: number };

interface SerialisedState {
  numbers: [string, NumberState][];
  people: [string, Person][];
  outgoing: [string, Outgoing][];
  seen: string[];
  received: [string, boolean][];
  nextEventId: number;
}

/** Ids of accepted messages that are remembered, so that a message sent again is not delivered twice. */
const REMEMBERED_MESSAGES = 200_000;

/** All that the network knows. It changes only by entries, so that a journal of them restores it. */
export class NetworkState {
  readonly numbers = new Map<string, NumberState>();
  readonly people = new Map<string, Person>();
  readonly outgoing = new Map<string, Outgoing>();
  readonly #seen = new Set<string>();
  /** Messages of people, by number and id: whether the business has read them. */
  readonly #received = new Map<string, boolean>();
  nextEventId = 1;

  hasSeen(messageId: string): boolean {
    return this.#seen.has(messageId);
  }

  /** Whether the business has read a person's message; nothing where there is none. */
  isRead(number: string, messageId: string): boolean | undefined {
    return this.#received.get(`${number}/${messageId}`);
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

  apply(entry: Entry): void {
    switch (entry.type) {
      case 'snapshot':
        this.#restore(entry.state);
        return;
      case 'code-requested': {
        const number = this.number(entry.number);
        number.vname = entry.vname;
        number.codeHash = entry.codeHash;
        if (entry.code !== undefined) number.code = entry.code;
        number.codeRequestedAt = entry.at;
        number.codeRequests += 1;
        return;
      }
      case 'registered': {
        const number = this.number(entry.number);
        number.registrationKey = entry.registrationKey;
        number.registrations += 1;
        delete number.codeHash;
        delete number.code;
        delete number.codeRequestedAt;
        return;
      }
      case 'accepted': {
        const { type: _, id, ...message } = entry;
        this.outgoing.set(id, { ...message, done: [] });
        this.#seen.add(entry.id);
        dropOldest(this.#seen);
        return;
      }
      case 'pin': {
        const number = this.number(entry.number);
        if (entry.pin === undefined) delete number.pin;
        else number.pin = entry.pin;
        return;
      }
      case 'read-by-business':
        this.#received.set(`${entry.number}/${entry.id}`, true);
        return;
      case 'stage':
        this.outgoing.get(entry.id)?.done.push(entry.stage);
        return;
      case 'finished':
        this.outgoing.delete(entry.id);
        return;
      case 'behaviour': {
        const person = this.person(entry.waId);
        person.behaviour = { ...person.behaviour, ...entry.behaviour };
        return;
      }
      case 'identity-changed': {
        const person = this.person(entry.waId);
        person.identityChanges = (person.identityChanges ?? 0) + 1;
        return;
      }
      case 'templates':
        this.number(entry.number).templates = entry.templates;
        return;
      case 'event':
        this.number(entry.number).events.push(entry.event);
        this.nextEventId = Math.max(this.nextEventId, entry.event.eventId + 1);
        return;
      case 'acknowledged': {
        const number = this.number(entry.number);
        const done = new Set(entry.eventIds);
        number.events = number.events.filter(({ eventId }) => !done.has(eventId));
        return;
      }
      case 'person': {
        const person = this.person(entry.waId);
        if (entry.profileName !== undefined) person.profileName = entry.profileName;
        if (entry.wroteTo !== undefined) person.lastWrote[entry.wroteTo] = entry.at;
        if (entry.messageId !== undefined) this.#received.set(`${entry.wroteTo}/${entry.messageId}`, false);
        dropOldest(this.#received);
      }
    }
  }

  snapshot(): Entry {
    return {
      type: 'snapshot',
      state: {
        numbers: [...this.numbers],
        people: [...this.people],
        outgoing: [...this.outgoing],
        seen: [...this.#seen],
        received: [...this.#received],
        nextEventId: this.nextEventId,
      },
    };
  }

  #restore(state: SerialisedState): void {
    for (const [key, value] of state.numbers) this.numbers.set(key, value);
    for (const [key, value] of state.people) this.people.set(key, value);
    for (const [key, value] of state.outgoing) this.outgoing.set(key, value);
    for (const id of state.seen) this.#seen.add(id);
    // Older states lack it.
    for (const [key, value] of state.received ?? []) this.#received.set(key, value);
    this.nextEventId = state.nextEventId;
  }
}

/** Both keep the order in which they were filled. */
function dropOldest(remembered: Set<string> | Map<string, unknown>): void {
  const oldest = remembered.keys().next().value;
  if (remembered.size > REMEMBERED_MESSAGES && oldest !== undefined) remembered.delete(oldest);
}
