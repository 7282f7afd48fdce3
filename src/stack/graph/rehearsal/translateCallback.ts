import { UNTOLD } from '../../../cloud/counterparts.ts';
import { type Callback, callback } from '../../../onprem/webhook.ts';
import type { NewChange } from '../../network/graphSide.ts';
import type { Network } from '../../network/network.ts';
import type { Side } from '../../network/rehearsalRecord.ts';
import { changeOfEvent, stageChange, webhookBody } from '../webhookValues.ts';
import { differences, type Found, leavesOf, once } from './differences.ts';
import { hintsOf, judged, VALUE } from './envelope.ts';
import type { Unit } from './translateCall.ts';

type View = Pick<Network, 'state' | 'people' | 'now'>;
type Message = NonNullable<Callback['messages']>[number];
type Status = NonNullable<Callback['statuses']>[number];
type Contact = NonNullable<Callback['contacts']>[number];

/** One thing that a callback tells, with the change of a webhook that tells it too. */
interface Told {
  readonly name: string;
  readonly part: Readonly<Record<string, unknown>>;
  readonly change: NewChange | undefined;
}

export interface TranslatedCallback {
  /** The post of the webhook; none if the Cloud API tells nothing of it. */
  readonly graph: readonly Side[];
  readonly units: readonly Unit[];
}

/** What the webhook of the Cloud API is told instead of a callback of `/v1`. A replay may post a body that is none: no units. */
export function translateCallback(view: View, number: string, body: unknown): TranslatedCallback {
  const parsed = callback.safeParse(body);
  const told = parsed.success ? toldBy(view, number, parsed.data) : [];
  const changes = told.flatMap(({ change }) => change ?? []);
  const graph =
    changes.length === 0 ? [] : [{ line: 'POST <your webhook>', body: webhookBody(view, number, changes) }];
  return { graph, units: told.map((each) => unitOf(view, number, each)) };
}

function unitOf(view: View, number: string, { name, part, change }: Told): Unit {
  const none = { differences: [], problems: [] };
  if (!change) return { ...none, name, verdict: 'no-counterpart', remedies: [remedyOf(name)] };
  const { value } = change;
  const [from, to] = [part, value];
  // What is around the value, and that it is around it.
  const around = leavesOf(webhookBody(view, number, [{ ...change, value: {} }]));
  const found: Found[] = [
    ...[...around]
      .filter(([path]) => !path.endsWith('.value'))
      .map(([path, toValue]): Found => ({ change: 'added', to: path, toValue })),
    ...Object.keys(part)
      .filter((key) => key in value)
      .map((key): Found => ({ change: 'moved', from: key, to: `${VALUE}${key}` })),
    ...differences(from, to, VALUE),
  ];
  const all = judged(once(found), 'body');
  return {
    ...none,
    name,
    verdict: all.every(({ isEnvelope }) => isEnvelope) ? 'ready' : 'differs',
    differences: all,
    remedies: [...hintsOf('callback', all)],
  };
}

const isUntold = (name: string): name is keyof typeof UNTOLD => name in UNTOLD;
const remedyOf = (name: string): string =>
  isUntold(name) ? UNTOLD[name] : 'No webhook tells this: leave out what waits for it.';

function toldBy(view: View, number: string, body: Callback): Told[] {
  const { contacts = [], messages = [], statuses = [], errors, media_items, services } = body;
  const alone = Object.entries({ errors, media_items, services })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]): Told => ({ name, part: { [name]: value }, change: undefined }));
  return [
    ...messages.map((message) => messageTold(view, number, message, contacts)),
    ...statuses.map((status) => statusTold(view, number, status)),
    ...alone,
  ];
}

function messageTold(view: View, number: string, message: Message, contacts: readonly Contact[]): Told {
  const contact = contacts.find(({ wa_id }) => wa_id === message.from) ?? contacts[0];
  const part = { ...(contact ? { contacts: [contact] } : {}), messages: [message] };
  if (message.type === 'system') return systemTold(view, number, message, part);
  const event = inboundEvent(message, contact?.profile?.name);
  return { name: `message ${message.type}`, part, change: changeOfEvent(view, number, event)?.change };
}

function systemTold(view: View, number: string, message: Message, part: Told['part']): Told {
  const { type, new_wa_id: newWaId } = (message.system ?? {}) as { type?: string; new_wa_id?: unknown };
  const { from: waId, timestamp } = message;
  const change =
    type === 'user_changed_number' && typeof newWaId === 'string'
      ? changeOfEvent(view, number, { kind: 'number-changed', waId, newWaId, timestamp })?.change
      : undefined;
  return { name: `system ${type}`, part, change };
}

/** The event behind a callback: media is announced beside the message, and ids of `/v1` are not in it. */
function inboundEvent(message: Message, profileName: string | undefined) {
  const { type } = message;
  const {
    id,
    mime_type,
    sha256,
    file: _,
    status: __,
    ...content
  } = (message[type] ?? {}) as Record<string, unknown>;
  const isMedia = typeof mime_type === 'string' && typeof sha256 === 'string' && id !== undefined;
  return {
    kind: 'inbound' as const,
    message: isMedia ? { ...message, [type]: content } : message,
    ...(profileName === undefined ? {} : { profileName }),
    ...(isMedia ? { media: { type: mime_type, sha256 } } : {}),
  };
}

const STAGES = ['sent', 'delivered', 'read', 'failed'] as const;
/** As the bills of the simulation: what answers a person within the window is free at the Cloud API. */
const FREE = 'service';

function statusTold(view: View, number: string, status: Status): Told {
  const name = `status ${status.status}`;
  const part = { statuses: [status] };
  const stage = STAGES.find((known) => known === status.status);
  const to = status.recipient_id;
  if (!stage || to === undefined) return { name, part, change: undefined };
  const { pricing } = status as { pricing?: { category?: string } };
  const category = pricing?.category ?? FREE;
  const message = {
    ...{ id: status.id, number, to, messageType: 'text', acceptedAt: 0, done: [] },
    graph: { category, isFree: category === FREE },
  };
  const [error] = status.errors ?? [];
  const then = { state: view.state, people: view.people, now: () => Number(status.timestamp) * 1_000 };
  return {
    name,
    part,
    change: stageChange(then, message, { afterMs: 0, stage, ...(error ? { error } : {}) }),
  };
}
