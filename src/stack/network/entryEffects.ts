import { surplus } from '../../base/surplus.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';
import type { Entry, Outgoing } from './networkEntries.ts';
import type { NetworkState } from './networkState.ts';
import { LONGEST_RECORDING } from './recording.ts';

/** What changed for those who watch: a chat, something else of a number, or a person. */
export type Change =
  | { readonly number: string; readonly waId?: string }
  | { readonly number?: undefined; readonly waId: string };

type Effects = {
  readonly [T in Entry['type']]: (
    state: NetworkState,
    entry: Extract<Entry, { type: T }>,
  ) => Change | undefined;
};

/** Ids of messages that are remembered, so that a message sent again is not delivered twice. */
const REMEMBERED_MESSAGES = 200_000;

/** Changes the state as an entry says. @returns what changed for those who watch */
export function applyEntry(state: NetworkState, entry: Entry): Change | undefined {
  // A newer version may have written entries of other types into the journal.
  const effect = effects[entry.type] as
    | ((state: NetworkState, entry: Entry) => Change | undefined)
    | undefined;
  return effect?.(state, entry);
}

const effects: Effects = {
  snapshot: (state, entry) => {
    state.restore(entry.state, entry.keepsRegistrations);
  },
  cleared: (state) => {
    state.clear();
  },
  'code-requested': (state, entry) => {
    const number = state.number(entry.number);
    number.vname = entry.vname;
    number.codeHash = entry.codeHash;
    if (entry.code !== undefined) number.code = entry.code;
    number.codeRequestedAt = entry.at;
    number.codeRequests += 1;
  },
  registered: (state, entry) => {
    const number = state.number(entry.number);
    number.registrationKey = entry.registrationKey;
    if (entry.at !== undefined) number.registeredAt = entry.at;
    number.registrations += 1;
    delete number.codeHash;
    delete number.code;
    delete number.codeRequestedAt;
  },
  unregistered: (state, entry) => {
    const number = state.number(entry.number);
    delete number.registrationKey;
    delete number.registeredAt;
  },
  accepted: (state, entry) => {
    const { id, body, media, number, to: waId, acceptedAt: atMs, messageType: type } = entry;
    state.outgoing.set(id, outgoingOf(entry));
    state.seen.add(id);
    dropOldest(state.seen);
    const shown = { id, direction: 'out', atMs, type, content: body, media, status: 'sent' } as const;
    state.chats.add(number, waId, shown);
    return { number, waId };
  },
  pin: (state, entry) => {
    const number = state.number(entry.number);
    if (entry.pin === undefined) delete number.pin;
    else number.pin = entry.pin;
  },
  'read-by-business': (state, entry) => {
    state.received.set(`${entry.number}/${entry.id}`, true);
    state.chats.update(entry.id, { status: 'read' });
  },
  stage: (state, entry) => {
    const message = state.outgoing.get(entry.id);
    if (!message) return undefined;
    message.done.push(entry.stage);
    state.chats.update(entry.id, { status: entry.stage, error: entry.error });
    return { number: message.number, waId: message.to };
  },
  finished: (state, entry) => {
    state.outgoing.delete(entry.id);
  },
  behaviour: (state, entry) => {
    const person = state.person(entry.waId);
    person.behaviour = { ...person.behaviour, ...entry.behaviour };
    return { waId: entry.waId };
  },
  'identity-changed': (state, entry) => {
    const person = state.person(entry.waId);
    person.identityChanges = (person.identityChanges ?? 0) + 1;
    if (entry.at === undefined) return { waId: entry.waId };
    return note(state, entry.waId, {
      id: `identity-changed/${entry.waId}/${person.identityChanges}`,
      atMs: entry.at,
      body: `+${entry.waId} has a new phone, and with it another security code`,
    });
  },
  'number-changed': (state, { waId, newWaId, at: atMs }) => {
    state.movePerson(waId, newWaId);
    state.chats.move(waId, newWaId);
    const id = `number-changed/${waId}/${atMs}`;
    return note(state, newWaId, { id, atMs, body: `+${waId} is +${newWaId} now` });
  },
  'person-removed': (state, { waId }) => {
    const [number] = state.chats.numbersWith(waId);
    state.removePerson(waId);
    state.chats.remove(waId);
    return { number, waId };
  },
  dialled: (state, entry) => {
    state.setDialled(entry.waId, entry.dialled);
    return { waId: entry.waId };
  },
  checked: (state, entry) => {
    const person = state.person(entry.waId);
    person.checkedBy = { ...person.checkedBy, [entry.number]: entry.at };
  },
  templates: (state, entry) => {
    state.number(entry.number).templates = entry.templates;
  },
  catalog: (state, entry) => {
    state.number(entry.number).catalog = entry.catalog;
  },
  limits: (state, entry) => {
    state.number(entry.number).limits = { ...state.limits(entry.number), ...entry.limits };
  },
  conversation: (state, entry) => {
    begin(state, entry);
  },
  recording: (state, entry) => {
    const { recording } = state.number(entry.number);
    if (!entry.isOn && recording) recording.isOn = false;
    if (entry.isOn)
      state.number(entry.number).recording = { startedAtMs: entry.at, isOn: true, callbacks: [] };
    return { number: entry.number };
  },
  recorded: (state, entry) => {
    const { recording } = state.number(entry.number);
    if (recording?.isOn && recording.callbacks.length < LONGEST_RECORDING)
      recording.callbacks.push({ afterMs: entry.at - recording.startedAtMs, body: entry.body });
    return { number: entry.number };
  },
  event: (state, entry) => {
    state.number(entry.number).events.push(entry.event);
    state.nextEventId = Math.max(state.nextEventId, entry.event.eventId + 1);
  },
  acknowledged: (state, entry) => {
    const number = state.number(entry.number);
    number.events = without(number.events, entry.eventIds);
  },
  'user-id': (state, { waId, userId, hidesNumber }) => {
    const person = state.person(waId);
    if (userId !== undefined) person.userId = userId;
    if (hidesNumber !== undefined) person.hidesNumber = hidesNumber;
    return { waId };
  },
  'graph-number': (state, { number, change }) => {
    const known = state.number(number);
    known.graph = { ...known.graph, ...change };
    return { number };
  },
  'graph-settings': (state, { number, change }) => {
    const known = state.number(number);
    known.graphSettings = { ...known.graphSettings, ...change };
    return { number };
  },
  'graph-account': (state, { id, account }) => {
    state.graph.accounts.set(id, account);
  },
  'graph-app': (state, { change }) => {
    state.graph.app = { ...state.graph.app, ...change };
  },
  'graph-media': (state, { id, media }) => {
    state.graph.media.set(id, media);
  },
  'graph-media-removed': (state, { ids }) => {
    for (const id of ids) state.graph.media.delete(id);
  },
  'graph-change': (state, { number, change }) => {
    const known = state.number(number);
    known.changes = known.changes ?? [];
    known.changes.push(change);
    state.nextEventId = Math.max(state.nextEventId, change.id + 1);
  },
  'graph-changes-told': (state, { number, ids }) => {
    const known = state.number(number);
    const done = new Set(ids);
    known.changes = known.changes?.filter(({ id }) => !done.has(id)) ?? [];
  },
  person: (state, entry) => {
    const person = state.person(entry.waId);
    if (entry.profileName !== undefined) person.profileName = entry.profileName;
    const { wroteTo: number, message, waId } = entry;
    if (number === undefined) return { waId };
    person.lastWrote[number] = entry.at;
    if (!message) return { number, waId };
    state.received.set(`${number}/${message.id}`, false);
    dropOldest(state.received);
    const { id, type, context, media } = message;
    state.chats.add(number, waId, {
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
  },
};

/** What only some messages have. The compiler demands every field: one that is left out here would be lost. */
type Extra = Exclude<keyof Outgoing, 'number' | 'to' | 'messageType' | 'acceptedAt' | 'done'>;
const EXTRAS = Object.keys({
  ttlDays: true,
  failsWith: true,
  warning: true,
  isLost: true,
  graph: true,
  traceparent: true,
} satisfies Record<Extra, true>) as readonly Extra[];

/** Without spreads, which cost as much as all other effects of a message. */
function outgoingOf(entry: Extract<Entry, { type: 'accepted' }>): Outgoing {
  const { number, to, messageType, acceptedAt } = entry;
  const outgoing: Outgoing = { number, to, messageType, acceptedAt, done: [] };
  for (const extra of EXTRAS)
    if (entry[extra] !== undefined) (outgoing as Record<Extra, unknown>)[extra] = entry[extra];
  return outgoing;
}

/** The events without those of these ids. Mostly they are the first ones, in their order. */
function without(events: readonly NetworkEvent[], eventIds: readonly number[]): NetworkEvent[] {
  const isBeginning = eventIds.every((eventId, index) => events[index]?.eventId === eventId);
  if (isBeginning) return events.slice(eventIds.length);
  const done = new Set(eventIds);
  return events.filter(({ eventId }) => !done.has(eventId));
}

/** A line between the messages of each chat with a person. */
function note(
  state: NetworkState,
  waId: string,
  { body, ...more }: { id: string; atMs: number; body: string },
): Change {
  const numbers = state.chats.numbersWith(waId);
  for (const number of numbers)
    state.chats.add(number, waId, {
      ...more,
      direction: 'in',
      type: 'system',
      content: { body },
      media: [],
      status: 'read',
    });
  const [number] = numbers;
  return { number, waId };
}

/** Counts a conversation, and raises the tier of the number where that leads to the next one. */
function begin(
  state: NetworkState,
  { number, waId, at }: { number: string; waId: string; at: number },
): void {
  const [count, limits] = [state.begun(number), state.limits(number)];
  count.begin(waId, at);
  const tier = count.risen(limits, at);
  if (tier === limits.tier) return;
  state.number(number).limits = { ...limits, tier };
  count.startOver();
}

function dropOldest(remembered: Set<string> | Map<string, unknown>): void {
  for (const id of surplus<string>(remembered, REMEMBERED_MESSAGES)) remembered.delete(id);
}
