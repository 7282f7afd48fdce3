import { waIdByRule } from '../../onprem/waId.ts';
import { Chats } from './chats.ts';
import { GraphState } from './graphState.ts';
import { type Begun, ConversationCount, DEFAULT_LIMITS, type MessagingLimits } from './messagingLimits.ts';
import type { Entry, NumberState, Outgoing, Person, SerialisedState } from './networkEntries.ts';
import type { Recording } from './recording.ts';

/** Items in an entry of a snapshot, of kinds whose items are short. */
const PART = 1_000;

/** The fields that tie a number to its installation. */
const REGISTRATION = [
  'vname',
  'codeHash',
  'code',
  'codeRequestedAt',
  'codeRequests',
  'registrationKey',
  'registeredAt',
  'registrations',
  'pin',
  'graph',
] as const satisfies readonly (keyof NumberState)[];

/** A number with the registration of another state of it. */
function withRegistrationOf(known: NumberState, number: NumberState): NumberState {
  const merged: NumberState = { ...number };
  for (const name of REGISTRATION) {
    delete merged[name as 'pin'];
    if (known[name] !== undefined) Object.assign(merged, { [name]: known[name] });
  }
  return merged;
}

const newNumber = (): NumberState => ({ vname: '', codeRequests: 0, registrations: 0, events: [] });

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
  readonly graph = new GraphState();
  readonly #begun = new Map<string, ConversationCount>();
  readonly #aliases = new Map<string, string>();
  /** Counts changes of the aliases. */
  aliasRevision = 0;
  nextEventId = 1;

  hasSeen(messageId: string): boolean {
    return this.seen.has(messageId);
  }

  /** Whether the business has read a person's message; undefined for an unknown message. */
  isRead(number: string, messageId: string): boolean | undefined {
    return this.received.get(`${number}/${messageId}`);
  }

  limits(number: string): MessagingLimits {
    return this.known(number).limits ?? DEFAULT_LIMITS;
  }

  /** Conversations that a number began. */
  begun(number: string): ConversationCount {
    const known = this.#begun.get(number) ?? new ConversationCount();
    this.#begun.set(number, known);
    return known;
  }

  person(waId: string): Person {
    const known = this.people.get(waId);
    return known ?? this.#add(waId, { lastWrote: {} });
  }

  /** The WhatsApp id of the person whom a number reaches. */
  waIdOf(digits: string): string {
    return this.#aliases.get(digits) ?? waIdByRule(digits);
  }

  /** WhatsApp ids of the numbers for which no rule tells them. */
  aliases(): Record<string, string> {
    return Object.fromEntries(this.#aliases);
  }

  /** Sets the numbers by which a person is reached, beside those of which a rule makes their WhatsApp id. */
  setDialled(waId: string, dialled: readonly string[]): void {
    const person = this.person(waId);
    for (const digits of person.dialled ?? []) this.#aliases.delete(digits);
    person.dialled = [...dialled];
    this.#add(waId, person);
    this.aliasRevision += 1;
  }

  /** A person is known by another WhatsApp id, and stays the same person. */
  movePerson(waId: string, newWaId: string): void {
    this.#add(newWaId, this.#take(waId));
  }

  /** A person is forgotten, with the messages that are on their way to them. */
  removePerson(waId: string): void {
    this.#take(waId);
    for (const [id, { to }] of this.outgoing) if (to === waId) this.outgoing.delete(id);
  }

  #take(waId: string): Person {
    const person = this.person(waId);
    for (const digits of [waId, ...(person.dialled ?? [])]) this.#aliases.delete(digits);
    this.people.delete(waId);
    this.aliasRevision += 1;
    return person;
  }

  #add(waId: string, person: Person): Person {
    this.people.set(waId, person);
    const own = waIdByRule(waId) === waId ? [] : [waId];
    for (const digits of [...own, ...(person.dialled ?? [])]) {
      this.#aliases.set(digits, waId);
      this.aliasRevision += 1;
    }
    return person;
  }

  /** What is known of a number. Asking for an unknown one leaves no trace. */
  known(number: string): Readonly<NumberState> {
    return this.numbers.get(number) ?? newNumber();
  }

  number(number: string): NumberState {
    const known = this.numbers.get(number) ?? newNumber();
    this.numbers.set(number, known);
    return known;
  }

  /**
   * Entries that lead to this state. None of them is long, because a text can hold half a gigabyte at most: each carries
   * a part, and `restore` adds parts. Events and recordings of a number follow it in entries of their own.
   */
  *snapshot(): Generator<Entry> {
    const begun = [...this.#begun].map(([number, count]): [string, Begun] => [number, count.toJSON()]);
    yield partial({ nextEventId: this.nextEventId });
    for (const part of parts(begun, 1)) yield partial({ begun: part });
    for (const part of parts(this.people, PART)) yield partial({ people: part });
    for (const part of parts(this.outgoing, PART)) yield partial({ outgoing: part });
    for (const part of parts(this.seen, PART)) yield partial({ seen: part });
    for (const part of parts(this.received, PART)) yield partial({ received: part });
    for (const part of parts(this.chats.toJSON(), 1)) yield partial({ chats: part });
    yield { type: 'graph-app', change: this.graph.app };
    for (const [id, account] of this.graph.accounts) yield { type: 'graph-account', id, account };
    for (const [id, media] of this.graph.media) yield { type: 'graph-media', id, media };
    for (const [number, { events, recording, changes = [], ...rest }] of this.numbers) {
      yield partial({ numbers: [[number, { ...rest, events: [] }]] });
      for (const event of events) yield { type: 'event', number, event };
      for (const change of changes) yield { type: 'graph-change', number, change };
      if (recording) yield* replayed(number, recording);
    }
    // An event sets the next id, which may be higher already.
    yield partial({ nextEventId: this.nextEventId });
  }

  /** Forgets everything but the registrations and PINs of numbers, and where webhooks of the Graph API go. Ids of events go on, because sessions count them. */
  clear(): void {
    for (const [key, number] of this.numbers) this.numbers.set(key, withRegistrationOf(number, newNumber()));
    const { people, outgoing, seen, received, graph } = this;
    for (const each of [people, outgoing, seen, received, graph.media, this.#begun, this.#aliases])
      each.clear();
    this.chats.clear();
    this.aliasRevision += 1;
  }

  restore(state: SerialisedState, keepsRegistrations = false): void {
    for (const [key, value] of state.numbers) {
      const known = keepsRegistrations ? this.numbers.get(key) : undefined;
      this.numbers.set(key, known ? withRegistrationOf(known, value) : value);
    }
    for (const [key, value] of state.people) this.#add(key, value);
    for (const [key, value] of state.outgoing) this.outgoing.set(key, value);
    for (const id of state.seen) this.seen.add(id);
    // Older snapshots lack the fields with a default.
    for (const [key, value] of state.received ?? []) this.received.set(key, value);
    this.chats.restore(state.chats ?? []);
    for (const [number, begun] of state.begun ?? []) this.#begun.set(number, new ConversationCount(begun));
    this.nextEventId = Math.max(this.nextEventId, state.nextEventId);
  }
}

/** A snapshot of the given parts. Earlier releases read all fields. */
const partial = (state: Partial<SerialisedState>): Entry => ({
  type: 'snapshot',
  state: {
    ...{
      numbers: [],
      people: [],
      outgoing: [],
      seen: [],
      received: [],
      chats: [],
      begun: [],
      nextEventId: 1,
    },
    ...state,
  },
});

function* parts<T>(items: Iterable<T>, length: number): Generator<T[]> {
  let part: T[] = [];
  for (const item of items) {
    part.push(item);
    if (part.length < length) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

/** A recording as the entries by which it came about. */
function* replayed(number: string, { startedAtMs, callbacks, isOn }: Recording): Generator<Entry> {
  yield { type: 'recording', number, isOn: true, at: startedAtMs };
  for (const { afterMs, body } of callbacks)
    yield { type: 'recorded', number, at: startedAtMs + afterMs, body };
  if (!isOn) yield { type: 'recording', number, isOn: false, at: startedAtMs };
}
