import { createHash } from 'node:crypto';

/** What the simulated Graph API knows beside the state that it shares with the On-Premises side. */

/** Of `GET /{PNID}?fields=status`. Source: docs/onprem/cloud-migration.md §17.2. */
export const GRAPH_STATUSES = [
  'CONNECTED',
  'DISCONNECTED',
  'PENDING',
  'FLAGGED',
  'RESTRICTED',
  'BANNED',
  'MIGRATED',
] as const;
export type GraphStatus = (typeof GRAPH_STATUSES)[number];

/** Where webhooks are posted, and by what the endpoint knows that it is meant. */
export interface GraphCallback {
  readonly url: string;
  readonly verifyToken: string;
}

/** How a number is registered with the Graph API. A reset keeps it, like the registration of the On-Premises side. */
export interface GraphRegistration {
  readonly phoneNumberId?: string;
  readonly businessAccountId?: string;
  /** Absent: what the mode of the simulation says. */
  readonly status?: GraphStatus;
  readonly verifiedName?: string;
  /** The code that `request_code` has sent. It is shown on the page, as a phone would. */
  readonly code?: string;
  /** Whether any code verifies the number: for programs that know another one. */
  readonly takesAnyCode?: boolean;
  readonly isVerified?: boolean;
  /** Of `register` calls, epoch ms. */
  readonly registeredAt?: readonly number[];
  readonly throughput?: 'STANDARD' | 'HIGH';
  readonly nameStatus?: string;
  /** The webhook of this number alone. */
  readonly callback?: GraphCallback | null;
}

/** What a business set for its number, and a reset forgets. */
export interface GraphSettings {
  readonly checksIdentity?: boolean;
  readonly profile?: Readonly<Record<string, unknown>>;
  /** Of the profile. */
  readonly picture?: { readonly sha256: string; readonly type: string };
  /** WhatsApp ids. */
  readonly blocked?: readonly string[];
}

/** Of a WhatsApp Business Account: whether the app gets its webhooks, and where if not at the URL of the app. */
export interface GraphAccount {
  readonly isSubscribed: boolean;
  readonly callback?: GraphCallback | undefined;
}

/** Of the app, as its dashboard sets it. */
export interface GraphApp {
  readonly callback?: GraphCallback | null;
  readonly appSecret?: string;
  /** Absent: any token is taken. */
  readonly tokens?: readonly GraphToken[] | null;
}
interface GraphToken {
  readonly token: string;
  readonly isExpired?: boolean | undefined;
}

export interface GraphMedia {
  readonly number: string;
  readonly type: string;
  /** Hex. */
  readonly sha256: string;
  /** Epoch ms. */
  readonly at: number;
  /** A person sent it; otherwise the business uploaded it. */
  readonly isInbound: boolean;
}

/** A change that is posted until the endpoint takes it. */
export interface GraphChange {
  readonly id: number;
  readonly at: number;
  readonly field: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** What a message of the Graph API has that one of the On-Premises side has not. */
export interface SentByGraph {
  /** `biz_opaque_callback_data`, which comes back on each status. */
  readonly opaque?: string | undefined;
  /** The Cloud error with which it fails after it was accepted. */
  readonly failure?: { readonly code: number; readonly title: string; readonly details: string } | undefined;
  /** Of its price. */
  readonly category: string;
  /** It answers a person within their window. */
  readonly isFree: boolean;
  /** Voice notes are played. */
  readonly isVoice?: boolean | undefined;
}

/** Days for which media can be used. Source: docs/onprem/cloud-migration.md §6. */
const MEDIA_DAYS = { uploaded: 30, inbound: 7 } as const;

export const isGraphMediaOver = ({ isInbound, at }: GraphMedia, nowMs: number): boolean =>
  nowMs - at >= (isInbound ? MEDIA_DAYS.inbound : MEDIA_DAYS.uploaded) * 86_400_000;

/** Ids of the Graph API are numbers in a text. The same words have the same id, on every machine. */
export function graphId(words: string): string {
  const hash = createHash('sha256').update(words).digest().readBigUInt64BE();
  return `1${String(hash % 10n ** 14n).padStart(14, '0')}`;
}

export class GraphState {
  app: GraphApp = {};
  readonly accounts = new Map<string, GraphAccount>();
  readonly media = new Map<string, GraphMedia>();
}

/** Of every number that no test has given others. */
export const graphIds = (number: string, known: GraphRegistration = {}) => ({
  phoneNumberId: known.phoneNumberId ?? graphId(`phone number ${number}`),
  businessAccountId: known.businessAccountId ?? graphId(`business account ${number}`),
});
