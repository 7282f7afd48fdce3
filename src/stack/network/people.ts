import { createHash, randomBytes } from 'node:crypto';
import { SpanKind } from '@opentelemetry/api';
import { traced } from '../../base/tracing/traced.ts';
import { messageId } from '../../onprem/messages.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';
import type { Behaviour } from './behaviour.ts';
import type { Entry } from './networkEntries.ts';
import type { NetworkState } from './networkState.ts';
import type { PersonalMedia } from './personalMedia.ts';
import { peerInIds, userIdOf } from './userId.ts';

/** What a person writes: any content of the API, media as bytes. */
export interface PersonalMessage {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly content: Record<string, unknown>;
  readonly media?: { readonly type: string; readonly data: Buffer } | undefined;
  readonly context?: Record<string, unknown> | undefined;
  /** The ad that they came from, and its picture. */
  readonly referral?: Record<string, unknown> | undefined;
  readonly referralMedia?:
    | { readonly kind: string; readonly type: string; readonly data: Buffer }
    | undefined;
  readonly profileName?: string | undefined;
}

export interface PeopleOptions {
  readonly state: NetworkState;
  readonly media: PersonalMedia;
  readonly record: (...entries: Entry[]) => Promise<void>;
  /** Records an event together with these entries. */
  readonly emit: (number: string, body: NetworkEvent['body'], ...together: Entry[]) => Promise<void>;
  readonly now: () => number;
}

/** How long a contacts call is remembered. Source: docs/onprem/api-messaging.md §4.1. */
const CHECKED_MS = 7 * 86_400_000;

/** Simulated customers: they write, and get new phones and numbers. */
export class People {
  readonly #options: PeopleOptions;

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  /** Sets name, behaviour, and the numbers that reach a person; what is absent stays. */
  async set(
    waId: string,
    {
      name,
      dialled,
      behaviour,
    }: {
      name?: string | undefined;
      dialled?: readonly string[] | undefined;
      behaviour: Partial<Behaviour>;
    },
  ): Promise<void> {
    const { record, now } = this.#options;
    if (name !== undefined) await record({ type: 'person', waId, profileName: name, at: now() });
    if (dialled !== undefined) await record({ type: 'dialled', waId, dialled });
    await record({ type: 'behaviour', waId, behaviour });
  }

  /** Sets the business-scoped id of a person, and whether the Graph API tells their number; what is absent stays. */
  async setId(
    waId: string,
    { userId, hidesNumber }: { userId?: string | undefined; hidesNumber?: boolean | undefined },
  ): Promise<void> {
    const entry: Entry = {
      type: 'user-id',
      waId,
      ...(userId === undefined ? {} : { userId }),
      ...(hidesNumber === undefined ? {} : { hidesNumber }),
    };
    await this.#options.record(entry);
  }

  /** The person with this business-scoped id; undefined if nobody has it. */
  byUserId(userId: string): string | undefined {
    for (const [waId, person] of this.#options.state.people)
      if (userIdOf(waId, person) === userId) return waId;
    return undefined;
  }

  /** The customer-care window of a number opens, as if the person had just written. */
  async openWindow(waId: string, number: string): Promise<void> {
    const { record, now } = this.#options;
    await record({ type: 'person', waId, wroteTo: number, at: now() });
  }

  /** A person has a new phone: every number that they wrote to is told of another identity. */
  async changeIdentity(waId: string): Promise<void> {
    const { record, now } = this.#options;
    await record({ type: 'identity-changed', waId, at: now() });
    const hash = this.identityOf(waId);
    await this.#tell(waId, { kind: 'identity', waId, hash, timestamp: this.#timestamp() });
  }

  /** A person has a new phone number, and stays the same person: their chats go on under it. */
  async changeNumber(waId: string, newWaId: string): Promise<void> {
    const { record, now } = this.#options;
    // They stay the same person to a business.
    await this.setId(waId, { userId: userIdOf(waId, this.#options.state.people.get(waId)) });
    await this.#tell(waId, { kind: 'number-changed', waId, newWaId, timestamp: this.#timestamp() });
    await record({ type: 'number-changed', waId, newWaId, at: now() });
  }

  /** Forgets a person with their chats. Messages on their way get no further status. @returns whether there was one */
  async remove(waId: string): Promise<boolean> {
    const { state, record } = this.#options;
    const isKnown = state.people.has(waId) || state.chats.numbersWith(waId).length > 0;
    if (isKnown) await record({ type: 'person-removed', waId });
    return isKnown;
  }

  identityOf(waId: string): string {
    const changes = this.#options.state.people.get(waId)?.identityChanges ?? 0;
    return createHash('sha256').update(`${waId}/${changes}`).digest('base64').slice(0, 12);
  }

  /** A person writes to a number. @returns the message's id */
  async write(input: PersonalMessage): Promise<string> {
    const { to, type, content, context, referral } = input;
    const from = this.#options.state.waIdOf(input.from);
    const id = messageId('inbound', peerInIds(from, this.#options.state.people.get(from)), randomBytes);
    const profileName = input.profileName ?? this.#options.state.people.get(from)?.profileName;
    const timestamp = this.#timestamp();
    const message = {
      from,
      id,
      timestamp,
      type,
      [type]: content,
      ...(context ? { context } : {}),
      ...(referral ? { referral } : {}),
    };
    const media = input.media && (await this.#kept(input.media));
    const referralMedia = input.referralMedia && {
      kind: input.referralMedia.kind,
      ...(await this.#kept(input.referralMedia)),
    };
    const written: Entry = {
      type: 'person',
      waId: from,
      wroteTo: to,
      message: { ...message, media: media ? [media] : [] },
      at: this.#options.now(),
      ...(profileName ? { profileName } : {}),
    };
    const told = {
      kind: 'inbound' as const,
      message,
      ...(profileName ? { profileName } : {}),
      ...(media ? { media } : {}),
      ...(referralMedia ? { referralMedia } : {}),
    };
    await traced('network report message', { kind: SpanKind.PRODUCER }, ({ traceparent }) =>
      this.#options.emit(to, traceparent === undefined ? told : { ...told, traceparent }, written),
    );
    return id;
  }

  async #kept({ type, data }: { type: string; data: Buffer }): Promise<{ type: string; sha256: string }> {
    return { type, sha256: await this.#options.media.keep(data) };
  }

  /** What is known of the people behind numbers. `isCheck`: the asking business is remembered. */
  async contacts(number: string, numbers: readonly string[], isCheck: boolean) {
    const { state, record, now } = this.#options;
    const found: { waId: string; hasWhatsApp: boolean; isKnown: boolean }[] = [];
    for (const digits of numbers) {
      const waId = state.waIdOf(digits);
      const { behaviour, checkedBy, lastWrote } = state.people.get(waId) ?? {};
      const checkedAt = checkedBy?.[number] ?? Number.NEGATIVE_INFINITY;
      const isKnown = now() - checkedAt < CHECKED_MS || lastWrote?.[number] !== undefined;
      found.push({ waId, hasWhatsApp: behaviour?.hasWhatsApp ?? true, isKnown });
      if (isCheck) await record({ type: 'checked', waId, number, at: now() });
    }
    return found;
  }

  /** Tells every number that the person wrote to. */
  async #tell(waId: string, body: NetworkEvent['body']): Promise<void> {
    const { state, emit } = this.#options;
    for (const number of Object.keys(state.people.get(waId)?.lastWrote ?? {})) await emit(number, body);
  }

  #timestamp = (): string => String(Math.floor(this.#options.now() / 1000));
}
