import { z } from 'zod';
import { codeRequest, shardsRequest, verifyRequest } from '../../onprem/account.ts';
import { identity } from '../../onprem/contacts.ts';
import { gatewayStatus, nodeRole } from '../../onprem/health.ts';
import { metricShape } from '../../onprem/metrics.ts';
import { nodeSupport } from '../../onprem/support.ts';
import type { Protocol } from './protocol.ts';

const nothing = z.object({});
/** What Webapps and the primary Master ask of a Coreapp or Master, on its ports 6250–6253. */
export const nodeProtocol = {
  calls: {
    /** 6250: accept a message for a shard that this node owns. Answered once it is committed. */
    send: {
      request: z.object({
        shard: z.int(),
        message: z.object({
          recipient: z.string(),
          type: z.string(),
          body: z.record(z.string(), z.unknown()),
        }),
      }),
      response: z.object({ id: z.string() }),
    },
    markRead: { request: z.object({ id: z.string() }), response: nothing },
    /** 6251. */
    identity: { request: z.object({ waId: z.string() }), response: identity },
    acknowledgeIdentity: { request: z.object({ waId: z.string(), hash: z.string() }), response: nothing },
    /** 6252: everything about the account and its settings; only the primary Master does it. */
    requestCode: {
      request: codeRequest,
      response: z.object({ outcome: z.enum(['code-sent', 'already-registered']), vname: z.string() }),
    },
    verifyCode: { request: verifyRequest, response: nothing },
    shards: { request: nothing, response: z.object({ shards: z.int() }) },
    setShards: { request: shardsRequest, response: nothing },
    /** Without a PIN two-step verification ends. */
    setTwoStep: { request: z.object({ pin: z.string().optional() }), response: nothing },
    /** Profile, media providers, sticker packs: what the account has beside its settings. */
    getDocument: {
      request: z.object({ name: z.string() }),
      response: z.object({ value: z.unknown().optional() }),
    },
    setDocument: {
      request: z.object({ name: z.string(), value: z.unknown().optional() }),
      response: nothing,
    },
    backup: { request: z.object({ password: z.string() }), response: z.object({ data: z.string() }) },
    restore: { request: z.object({ password: z.string(), data: z.string() }), response: nothing },
    collectMessages: { request: nothing, response: z.object({ status: z.literal('processing') }) },
    collectMedia: { request: nothing, response: nothing },
    stats: {
      request: z.object({ area: z.enum(['app', 'db']) }),
      response: z.object({ metrics: z.record(z.string(), metricShape) }),
    },
    getSettings: { request: nothing, response: z.record(z.string(), z.unknown()) },
    patchSettings: { request: z.record(z.string(), z.unknown()), response: nothing },
    resetSettings: { request: nothing, response: nothing },
    getWebhookCa: { request: nothing, response: z.object({ pem: z.string().optional() }) },
    setWebhookCa: { request: z.object({ pem: z.string().optional() }), response: nothing },
    support: { request: nothing, response: nodeSupport },
    /** 6253. */
    health: {
      request: nothing,
      response: z.object({ gateway_status: gatewayStatus, role: nodeRole.optional() }),
    },
    heartbeat: {
      request: z.object({ from: z.string() }),
      response: z.object({ gateway_status: gatewayStatus }),
    },
  },
  events: {},
} as const satisfies Protocol;
export type NodeProtocol = typeof nodeProtocol;
