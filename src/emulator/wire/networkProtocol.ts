import { z } from 'zod';
import { codeRequest } from '../../onprem/account.ts';
import { apiErrorBody } from '../../onprem/envelope.ts';
import { inboundMessage, messageStatus } from '../../onprem/webhook.ts';
import type { Protocol } from './protocol.ts';

const nothing = z.object({});

const mediaFile = z.object({ id: z.string(), type: z.string(), bytes: z.number(), sha256: z.string() });

/** An event that the network keeps until it is acknowledged. */
export const networkEvent = z.object({
  eventId: z.int(),
  body: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('status'),
      messageId: z.string(),
      recipient: z.string(),
      status: messageStatus,
      timestamp: z.string(),
      errors: z.array(apiErrorBody).optional(),
    }),
    z.object({
      kind: z.literal('inbound'),
      message: inboundMessage,
      profileName: z.string().optional(),
      /** What the object under the message's type refers to; its bytes are downloaded. */
      media: z.object({ type: z.string(), sha256: z.string() }).optional(),
    }),
  ]),
});
export type NetworkEvent = z.output<typeof networkEvent>;

/** What Coreapps and the primary Master say to the servers of WhatsApp, as the emulator stands for them. */
export const networkProtocol = {
  calls: {
    requestCode: {
      request: codeRequest.extend({ registrationKey: z.string().optional() }),
      response: z.object({ outcome: z.enum(['code-sent', 'already-registered']), vname: z.string() }),
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
      response: nothing,
    },
    /** Answered once the message is safe; the same id twice is one message. */
    send: {
      request: z.object({
        id: z.string(),
        to: z.string(),
        type: z.string(),
        body: z.record(z.string(), z.unknown()),
        media: z.array(mediaFile),
      }),
      response: nothing,
    },
    /** A message of a person was read, and those before it. */
    markRead: { request: z.object({ id: z.string() }), response: nothing },
    /** A part of media that a person sent; empty at its end. */
    download: {
      request: z.object({ sha256: z.string(), offset: z.int() }),
      response: z.object({ base64: z.string() }),
    },
    setPin: {
      request: z.object({ number: z.string(), registrationKey: z.string(), pin: z.string().optional() }),
      response: nothing,
    },
    acknowledge: { request: z.object({ eventIds: z.array(z.int()) }), response: nothing },
  },
  events: {
    events: z.object({ events: z.array(networkEvent) }),
    /** The session has ended for good: somebody else has it now. */
    replaced: z.object({ reason: z.string() }),
  },
} as const satisfies Protocol;
export type NetworkProtocol = typeof networkProtocol;
