import type { ApiErrorBody } from '../../onprem/envelope.ts';
import type { AsynchronousErrorCode } from '../../onprem/errorCatalogue.ts';
import type { InboundMessage } from '../../onprem/webhook.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';
import type { Behaviour, Stage } from './behaviour.ts';
import type { Catalog } from './catalog.ts';
import type { ChatMessage, Chats } from './chats.ts';
import type {
  GraphAccount,
  GraphApp,
  GraphChange,
  GraphMedia,
  GraphRegistration,
  GraphSettings,
  SentByGraph,
} from './graphState.ts';
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
  graph?: GraphRegistration;
  graphSettings?: GraphSettings;
  /** What the webhook of the Graph API has not taken yet. */
  changes?: GraphChange[];
}

export interface Person {
  profileName?: string;
  /** What differs from the default. */
  behaviour?: Partial<Behaviour>;
  /** How often their identity has changed: a new phone, a new installation. */
  identityChanges?: number;
  /** When this person last wrote to each number, epoch ms: the customer-care window. */
  lastWrote: Record<string, number>;
  /** When each number last checked this person by a contacts call, epoch ms. */
  checkedBy?: Record<string, number>;
  /** Numbers by which they are reached, where no rule makes their WhatsApp id of them. */
  dialled?: readonly string[];
  /** Their business-scoped id, if a test has chosen one. */
  userId?: string;
  /** The Graph API tells no number of theirs. */
  hidesNumber?: boolean;
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
  /** Where the message is in its trace, if traces are on. */
  readonly traceparent?: string;
  /** It came by the Graph API, which is told of its stages. */
  readonly graph?: SentByGraph;
  /** Stages that were reported to the business. */
  done: Stage[];
}

/** A change of the network's state, as the journal keeps it. */
export type Entry =
  /** `keepsRegistrations`: numbers that are known stay registered as they are, and keep their PINs. */
  | { type: 'snapshot'; state: SerialisedState; keepsRegistrations?: true }
  /** Everything but registrations and PINs is forgotten. */
  | { type: 'cleared' }
  | { type: 'code-requested'; number: string; vname: string; codeHash: string; code?: string; at: number }
  | { type: 'registered'; number: string; registrationKey: string; at?: number }
  | { type: 'unregistered'; number: string }
  | { type: 'pin'; number: string; pin?: string }
  | ({ type: 'accepted'; id: string; body: Record<string, unknown>; media: ChatMessage['media'] } & Omit<
      Outgoing,
      'done'
    >)
  | { type: 'behaviour'; waId: string; behaviour: Partial<Behaviour> }
  /** Earlier releases wrote no `at`. */
  | { type: 'identity-changed'; waId: string; at?: number }
  | { type: 'number-changed'; waId: string; newWaId: string; at: number }
  | { type: 'person-removed'; waId: string }
  | { type: 'dialled'; waId: string; dialled: readonly string[] }
  | { type: 'checked'; waId: string; number: string; at: number }
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
  | { type: 'user-id'; waId: string; userId?: string; hidesNumber?: boolean }
  | { type: 'graph-number'; number: string; change: GraphRegistration }
  | { type: 'graph-settings'; number: string; change: GraphSettings }
  | { type: 'graph-account'; id: string; account: GraphAccount }
  | { type: 'graph-app'; change: GraphApp }
  | { type: 'graph-media'; id: string; media: GraphMedia }
  | { type: 'graph-media-removed'; ids: string[] }
  | { type: 'graph-change'; number: string; change: GraphChange }
  | { type: 'graph-changes-told'; number: string; ids: number[] }
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
