import * as z from 'zod';
import { codeRequest } from '../../onprem/account.ts';
import { apiErrorBody } from '../../onprem/envelope.ts';
import { inboundMessage, messageStatus } from '../../onprem/webhook.ts';
import { apiCall, apiFault, callPattern } from './apiFault.ts';
import { traceparent } from './nodeProtocol.ts';
import type { Protocol } from './protocol.ts';
import { callbackReport, requestReport } from './reports.ts';

const nothing = z.object({});

/** WhatsApp ids of the numbers for which no rule tells them. */
const aliases = z.record(z.string(), z.string());

export const profilePart = z.enum(['about', 'business', 'photo']);

const mediaFile = z.object({ id: z.string(), type: z.string(), bytes: z.number(), sha256: z.string() });

const personalMedia = z.object({ type: z.string(), sha256: z.string() });

/** Conversation and price of a message, as in status callbacks. Source: docs/onprem/api-messaging.md §8.5. */
const billing = z.object({
  /** The Cloud API tells of it only for some messages. */
  conversation: z.looseObject({ id: z.string(), expiration_timestamp: z.number().optional() }).optional(),
  pricing: z.looseObject({ pricing_model: z.string(), billable: z.boolean(), category: z.string() }),
});
export interface Billing {
  readonly conversation: {
    readonly id: string;
    readonly expiration_timestamp: number;
    readonly origin: { readonly type: string };
  };
  readonly pricing: { readonly pricing_model: string; readonly billable: boolean; readonly category: string };
}

/** An event that the network keeps until it is acknowledged. */
const networkEvent = z.object({
  eventId: z.int(),
  body: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('status'),
      messageId: z.string(),
      recipient: z.string(),
      status: messageStatus,
      timestamp: z.string(),
      errors: z.array(apiErrorBody).optional(),
      billing: billing.optional(),
      /** The business-scoped id of a person who shows no number; `recipient` is then only for this stack. */
      userId: z.string().optional(),
      /** Whether callbacks leave `recipient` out. */
      isRecipientHidden: z.boolean().optional(),
      traceparent,
    }),
    /** A person's keys changed, because they have a new phone. */
    z.object({ kind: z.literal('identity'), waId: z.string(), hash: z.string(), timestamp: z.string() }),
    z.object({
      kind: z.literal('number-changed'),
      waId: z.string(),
      newWaId: z.string(),
      timestamp: z.string(),
    }),
    /** A person has another business-scoped id. */
    z.object({
      kind: z.literal('user-id-changed'),
      userId: z.string(),
      newUserId: z.string(),
      /** If it is known. */
      waId: z.string().optional(),
      timestamp: z.string(),
    }),
    z.object({
      kind: z.literal('inbound'),
      message: inboundMessage,
      profileName: z.string().optional(),
      /** The media of the message; the Coreapp downloads its bytes. */
      media: personalMedia.optional(),
      /** The picture of the ad that led the person here. */
      referralMedia: personalMedia.extend({ kind: z.string() }).optional(),
      /** The business-scoped id of the person, which the Cloud API tells. */
      userId: z.string().optional(),
      /** The person shows no number: `from` is only for this stack. */
      isFromHidden: z.boolean().optional(),
      traceparent,
    }),
  ]),
});
export type NetworkEvent = z.output<typeof networkEvent>;

const KINDS: ReadonlySet<unknown> = new Set(
  networkEvent.shape.body.options.map(({ shape }) => shape.kind.value),
);
/** Leaves out events of kinds that only the next release knows: not acknowledged, they wait for a node of that release. */
const knownEvents = z
  .array(z.looseObject({ body: z.looseObject({ kind: z.string() }) }))
  .transform((events): unknown[] => events.filter(({ body }) => KINDS.has(body.kind)))
  .pipe(z.array(networkEvent));

/** The API calls that faults of this revision select. What people set is checked strictly at the control port. */
const watchedCalls = z.object({ revision: z.int(), calls: z.array(callPattern.strip()) });

/** By how much the clock of the network was moved. */
const movedMs = z.number();
/** Whoever gets an event with a number answers with `obeyed` when it is done; a release before this one does not. */
const order = z.int();

/** What Coreapps, Masters and Webapps ask of the network process, which stands for the servers of WhatsApp. */
export const networkProtocol = {
  name: 'network',
  version: 2,
  calls: {
    requestCode: {
      request: codeRequest.extend({ registrationKey: z.string().optional() }),
      response: z.object({
        outcome: z.enum(['code-sent', 'already-registered']),
        vname: z.string(),
        /** Of a number that was registered before, and needs no code. */
        registrationKey: z.string().optional(),
      }),
    },
    /** Checks certificate and PIN for another number of shards. Too late, it ends the registration. */
    reshard: {
      request: codeRequest.omit({ method: true }).extend({ registrationKey: z.string() }),
      response: z.object({ isRegistered: z.boolean() }),
    },
    register: {
      request: z.object({ number: z.string(), code: z.string(), pin: z.string().optional() }),
      response: z.object({ registrationKey: z.string(), vname: z.string() }),
    },
    /** Opens the session of a shard. One with a higher epoch, or a newer registration, ends this one. */
    login: {
      request: z.object({
        number: z.string(),
        registrationKey: z.string(),
        shard: z.int(),
        shards: z.int(),
        epoch: z.int(),
      }),
      response: z.object({
        isRecording: z.boolean(),
        aliases: aliases.default({}),
        movedMs: movedMs.default(0),
      }),
    },
    /** Answered once the message is on disk. The same id twice is one message. */
    send: {
      request: z.object({
        id: z.string(),
        to: z.string(),
        type: z.string(),
        body: z.record(z.string(), z.unknown()),
        media: z.array(mediaFile),
        traceparent,
      }),
      /** `isOnItsWay`: the message is safe, and its status `sent` follows when the servers have it. */
      response: z.object({ billing: billing.optional(), isOnItsWay: z.boolean().optional() }),
    },
    /** Refuses a template, or the products of an interactive message, that can't be sent. */
    check: {
      request: z.object({
        number: z.string(),
        type: z.string(),
        content: z.record(z.string(), z.unknown()),
        /** Days. */
        ttl: z.number().optional(),
      }),
      response: nothing,
    },
    /** What is known of the people behind numbers. `isCheck`: the business asks, and is remembered to have asked. */
    contacts: {
      request: z.object({ numbers: z.array(z.string()), isCheck: z.boolean() }),
      response: z.object({
        contacts: z.array(z.object({ waId: z.string(), hasWhatsApp: z.boolean(), isKnown: z.boolean() })),
      }),
    },
    identity: { request: z.object({ waId: z.string() }), response: z.object({ hash: z.string() }) },
    /** The business read a person's message and those before it. */
    markRead: { request: z.object({ id: z.string() }), response: nothing },
    /** A part of media that a person sent; empty at the end. */
    download: {
      request: z.object({ sha256: z.string(), offset: z.int() }),
      response: z.object({ base64: z.string() }),
    },
    /** Whether the network has these bytes; otherwise the Coreapp uploads them in parts. */
    hasMedia: { request: z.object({ sha256: z.string() }), response: z.object({ has: z.boolean() }) },
    upload: {
      request: z.object({
        sha256: z.string(),
        /** Tells uploads of the same bytes apart. A Coreapp of an earlier version has none. */
        upload: z.uuid().optional(),
        offset: z.int(),
        base64: z.string(),
        isLast: z.boolean(),
      }),
      response: nothing,
    },
    setPin: {
      request: z.object({ number: z.string(), registrationKey: z.string(), pin: z.string().optional() }),
      response: nothing,
    },
    /** The public profile, where the servers keep it. The value is as the stack stores it; none: there is none. */
    profile: {
      request: z.object({ part: profilePart }),
      response: z.object({ value: z.unknown().optional() }),
    },
    setProfile: {
      request: z.object({ part: profilePart, value: z.unknown().optional() }),
      response: nothing,
    },
    acknowledge: { request: z.object({ eventIds: z.array(z.int()) }), response: nothing },
    /** Reports a delivered callback while a recording runs. */
    recorded: { request: z.object({ body: z.unknown() }), response: nothing },
    /** For faults, and what is behind the stack: a Webapp learns which calls to fail. Webapps of the real product have no such connection. */
    attachWebapp: {
      request: z.object({ webapp: z.string() }),
      response: watchedCalls.extend({
        movedMs: movedMs.default(0),
        /** Set if the Cloud API is behind the stack. */
        backend: z.object({ name: z.string(), version: z.string() }).optional(),
      }),
    },
    apiFaultsSeen: { request: z.object({ revision: z.int() }), response: nothing },
    /** Asks what happens to a call that a fault selects. */
    meetApiFault: {
      request: apiCall,
      response: z.object({ fault: apiFault.strip().optional() }),
    },
    /** For the control API: what became of callbacks and calls. `skipped` were left out. */
    reportCallbacks: {
      request: z.object({ reports: z.array(callbackReport), skipped: z.int() }),
      response: nothing,
    },
    reportRequests: {
      request: z.object({ webapp: z.string(), reports: z.array(requestReport), skipped: z.int() }),
      response: nothing,
    },
    obeyed: { request: z.object({ order }), response: nothing },
  },
  events: {
    events: z.object({ events: knownEvents }),
    /** The session has ended for good: another node or installation took it over. */
    replaced: z.object({ reason: z.string() }),
    recording: z.object({ isOn: z.boolean() }),
    aliases: z.object({ aliases }),
    clock: z.object({ movedMs, order: order.optional() }),
    /** Messages and callbacks that wait are forgotten. */
    reset: z.object({ order }),
    /** Posts this callback, as a new one with this key. */
    deliver: z.object({ key: z.string(), payload: z.string(), order }),
    apiFaults: watchedCalls,
  },
} as const satisfies Protocol;
export type NetworkProtocol = typeof networkProtocol;
