import type { ApiErrorBody } from '../../onprem/envelope.ts';
import type { AsynchronousErrorCode } from '../../onprem/errorCatalogue.ts';
import type { InboundMessage } from '../../onprem/webhook.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';
import type { Behaviour, Stage } from './behaviour.ts';
import type { Catalog } from './catalog.ts';
import type { ChatMessage, Chats } from './chats.ts';
import type { Begun, MessagingLimits } from './messagingLimits.ts';
import type { Recording } from './recording.ts';
import type { TemplateEntry } from './templates.ts';

/** One number, as the servers of WhatsApp know it. */
export interface NumberState {
  vname: string;
  /** SHA-256 of the expected registration code. */
  codeHash?: string;
  /** The registration code, if the network chose it. It is shown on the control page, as on a phone. */
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
  /** The message is delivered, and the business gets a warning. */
  readonly warning?: { readonly code: AsynchronousErrorCode; readonly details: string };
  /** The message is lost without a status. */
  readonly isLost?: true;
  /** Stages that were reported to the business. */
  done: Stage[];
}

/** A change of the network's state, as the journal keeps it. */
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
  /** No further stage follows. */
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

export interface SerialisedState {
  numbers: [string, NumberState][];
  people: [string, Person][];
  outgoing: [string, Outgoing][];
  seen: string[];
  received: [string, boolean][];
  chats: ReturnType<Chats['toJSON']>;
  begun: [string, Begun][];
  nextEventId: number;
}
