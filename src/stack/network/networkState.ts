import type { ApiErrorBody } from '../../onprem/envelope.ts';
import type { AsynchronousErrorCode } from '../../onprem/errorCatalogue.ts';
import type { InboundMessage } from '../../onprem/webhook.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';
import type { Behaviour, Stage } from './behaviour.ts';
import type { Catalog } from './catalog.ts';
import { type ChatMessage, Chats } from './chats.ts';
import { type Begun, ConversationCount, DEFAULT_LIMITS, type MessagingLimits } from './messagingLimits.ts';
import { LONGEST_RECORDING, type Recording } from './recording.ts';
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
  /** Epoch ms. */
  registeredAt?: number;
  registrations: number;
  pin?: string;
  /** Empty: every template is approved. */
  templates?: TemplateEntry[];
  catalog?: Catalog;
  limits?: MessagingLimits;
  recording?: Recording;
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
  readonly failsWith?: AsynchronousErrorCode;
  /** It goes out, and the business is warned. */
  readonly warning?: { readonly code: AsynchronousErrorCode; readonly details: string };
  /** Nothing is heard of it any more. */
  readonly isLost?: true;
  /** Stages that the business was told of. */
  done: Stage[];
}

export type Entry =
  | { type: 'snapshot'; state: SerialisedState }
  | { type: 'code-requested'; number: string; vname: string; codeHash: string; code?: string; at: number }
  | { type: 'registered'; number: string; registrationKey: string; at?: number }
  | { type: 'unregistered'; number: string }
  | { type: 'pin'; number: string; pin?: string }
  | ({ type: 'accepted'; id: string; body: Record<string, unknown>; media: ChatMessage['media'] } & Omit<
      Outgoing,
      'done'
    >)
  | { type: 'behaviour'; waId: string; behaviour: Partial<Behaviour> }
  | { type: 'identity-changed'; waId: string }
  | { type: 'templates'; number: string; templates: TemplateEntry[] }
  | { type: 'catalog'; number: string; catalog: Catalog }
  | { type: 'limits'; number: string; limits: Partial<MessagingLimits> }
  /** The business began to talk to somebody. */
  | { type: 'conversation'; number: string; waId: string; at: number }
  | { type: 'recording'; number: string; isOn: boolean; at: number }
  | { type: 'recorded'; number: string; at: number; body: unknown }
  | { type: 'read-by-business'; number: string; id: string }
  | { type: 'stage'; id: string; stage: Stage; error?: ApiErrorBody }
  /** Nothing more will happen to it. */
  | { type: 'finished'; id: string }
  | { type: 'event'; number: string; event: NetworkEvent }
  | { type: 'acknowledged'; number: string; eventIds: number[] }
  | {
      type: 'person';
      waId: string;
      profileName?: string;
      wroteTo?: string;
      message?: InboundMessage & { media: ChatMessage['media'] };
      at: number;
    };

interface SerialisedState {
  numbers: [string, NumberState][];
  people: [string, Person][];
  outgoing: [string, Outgoing][];
  seen: string[];
  received: [string, boolean][];
  chats: ReturnType<Chats['toJSON']>;
  begun: [string, Begun][];
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
  readonly chats = new Chats();
  readonly #begun = new Map<string, ConversationCount>();
  nextEventId = 1;

  hasSeen(messageId: string): boolean {
    return this.#seen.has(messageId);
  }

  /** Whether the business has read a person's message; nothing where there is none. */
  isRead(number: string, messageId: string): boolean | undefined {
    return this.#received.get(`${number}/${messageId}`);
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

  /** @returns what changed for whoever watches: a chat, or something else of a number */
  apply(entry: Entry): { number: string; waId?: string } | undefined {
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
        if (entry.at !== undefined) number.registeredAt = entry.at;
        number.registrations += 1;
        delete number.codeHash;
        delete number.code;
        delete number.codeRequestedAt;
        return;
      }
      case 'unregistered': {
        const number = this.number(entry.number);
        delete number.registrationKey;
        delete number.registeredAt;
        return;
      }
      case 'accepted': {
        const { type: _, id, body, media, ...message } = entry;
        this.outgoing.set(id, { ...message, done: [] });
        this.#seen.add(id);
        dropOldest(this.#seen);
        const { number, to: waId, acceptedAt: atMs, messageType: type } = message;
        const shown = { id, direction: 'out', atMs, type, content: body, media, status: 'sent' } as const;
        this.chats.add(number, waId, shown);
        return { number, waId };
      }
      case 'pin': {
        const number = this.number(entry.number);
        if (entry.pin === undefined) delete number.pin;
        else number.pin = entry.pin;
        return;
      }
      case 'read-by-business':
        this.#received.set(`${entry.number}/${entry.id}`, true);
        this.chats.update(entry.id, { status: 'read' });
        return;
      case 'stage': {
        const message = this.outgoing.get(entry.id);
        if (!message) return;
        message.done.push(entry.stage);
        this.chats.update(entry.id, { status: entry.stage, error: entry.error });
        return { number: message.number, waId: message.to };
      }
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
      case 'catalog':
        this.number(entry.number).catalog = entry.catalog;
        return;
      case 'limits':
        this.number(entry.number).limits = { ...this.limits(entry.number), ...entry.limits };
        return;
      case 'conversation':
        this.#begin(entry);
        return;
      case 'recording': {
        const { recording } = this.number(entry.number);
        if (!entry.isOn && recording) recording.isOn = false;
        if (entry.isOn)
          this.number(entry.number).recording = { startedAtMs: entry.at, isOn: true, callbacks: [] };
        return { number: entry.number };
      }
      case 'recorded': {
        const { recording } = this.number(entry.number);
        if (recording?.isOn && recording.callbacks.length < LONGEST_RECORDING)
          recording.callbacks.push({ afterMs: entry.at - recording.startedAtMs, body: entry.body });
        return { number: entry.number };
      }
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
        const { wroteTo: number, message, waId } = entry;
        if (number === undefined || !message) return;
        person.lastWrote[number] = entry.at;
        this.#received.set(`${number}/${message.id}`, false);
        dropOldest(this.#received);
        const { id, type, context, media } = message;
        this.chats.add(number, waId, {
          id,
          direction: 'in',
          atMs: entry.at,
          type,
          content: (message[type] ?? {}) as Record<string, unknown>,
          media,
          context: context as Record<string, unknown> | undefined,
          status: 'sent',
        });
        return { number, waId };
      }
    }
  }

  /** Counts, and where that leads to the next tier, changes it. */
  #begin({ number, waId, at }: { number: string; waId: string; at: number }): void {
    const [count, limits] = [this.begun(number), this.limits(number)];
    count.begin(waId, at);
    const tier = count.risen(limits, at);
    if (tier === limits.tier) return;
    this.number(number).limits = { ...limits, tier };
    count.startOver();
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
        chats: this.chats.toJSON(),
        begun: [...this.#begun].map(([number, count]) => [number, count.toJSON()]),
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
    this.chats.restore(state.chats ?? []);
    for (const [number, begun] of state.begun ?? []) this.#begun.set(number, new ConversationCount(begun));
    this.nextEventId = state.nextEventId;
  }
}

/** Both keep the order in which they were filled. */
function dropOldest(remembered: Set<string> | Map<string, unknown>): void {
  const oldest = remembered.keys().next().value;
  if (remembered.size > REMEMBERED_MESSAGES && oldest !== undefined) remembered.delete(oldest);
}
