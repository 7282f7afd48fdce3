import { createHash, randomBytes } from 'node:crypto';
import { messageId } from '../../onprem/messages.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';
import type { Behaviour } from './behaviour.ts';
import type { Entry } from './networkEntries.ts';
import type { NetworkState } from './networkState.ts';
import type { PersonalMedia } from './personalMedia.ts';

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
  readonly record: (entry: Entry) => Promise<void>;
  readonly emit: (number: string, body: NetworkEvent['body']) => Promise<void>;
  readonly now: () => number;
}

/** Simulated customers: they write, and get new phones and numbers. */
export class People {
  readonly #options: PeopleOptions;

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  /** Sets name and behaviour of a person; what is absent stays. */
  async set(
    waId: string,
    { name, behaviour }: { name?: string | undefined; behaviour: Partial<Behaviour> },
  ): Promise<void> {
    const { record, now } = this.#options;
    if (name !== undefined) await record({ type: 'person', waId, profileName: name, at: now() });
    await record({ type: 'behaviour', waId, behaviour });
  }

  /** A person has a new phone: every number that they wrote to is told of another identity. */
  async changeIdentity(waId: string): Promise<void> {
    await this.#options.record({ type: 'identity-changed', waId });
    const hash = this.identityOf(waId);
    await this.#tell(waId, { kind: 'identity', waId, hash, timestamp: this.#timestamp() });
  }

  /** A person has a new phone number, and stays the same person. */
  async changeNumber(waId: string, newWaId: string): Promise<void> {
    await this.#tell(waId, { kind: 'number-changed', waId, newWaId, timestamp: this.#timestamp() });
  }

  identityOf(waId: string): string {
    const changes = this.#options.state.people.get(waId)?.identityChanges ?? 0;
    return createHash('sha256').update(`${waId}/${changes}`).digest('base64').slice(0, 12);
  }

  /** A person writes to a number. @returns the message's id */
  async write(input: PersonalMessage): Promise<string> {
    const { from, to, type, content, context, referral } = input;
    const id = messageId('inbound', from, randomBytes);
    const profileName = input.profileName ?? this.#options.state.person(from).profileName;
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
    await this.#options.record({
      type: 'person',
      waId: from,
      wroteTo: to,
      message: { ...message, media: media ? [media] : [] },
      at: this.#options.now(),
      ...(profileName ? { profileName } : {}),
    });
    await this.#options.emit(to, {
      kind: 'inbound',
      message,
      ...(profileName ? { profileName } : {}),
      ...(media ? { media } : {}),
      ...(referralMedia ? { referralMedia } : {}),
    });
    return id;
  }

  async #kept({ type, data }: { type: string; data: Buffer }): Promise<{ type: string; sha256: string }> {
    return { type, sha256: await this.#options.media.keep(data) };
  }

  /** Tells every number that the person wrote to. */
  async #tell(waId: string, body: NetworkEvent['body']): Promise<void> {
    const { state, emit } = this.#options;
    for (const number of Object.keys(state.person(waId).lastWrote)) await emit(number, body);
  }

  #timestamp = (): string => String(Math.floor(this.#options.now() / 1000));
}
