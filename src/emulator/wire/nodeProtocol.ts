import { z } from 'zod';
import { codeRequest, verifyRequest } from '../../onprem/account.ts';
import { gatewayStatus, nodeRole } from '../../onprem/health.ts';
import { sendRequest } from '../../onprem/messages.ts';
import { nodeSupport } from '../../onprem/support.ts';
import type { Protocol } from './protocol.ts';

const nothing = z.object({});

/** What Webapps and the primary Master ask of a Coreapp or Master, on its ports 6250–6253. */
export const nodeProtocol = {
  calls: {
    /** 6250: accept a message for a shard that this node owns. Answered once it is committed. */
    send: {
      request: z.object({ shard: z.int(), message: sendRequest }),
      response: z.object({ id: z.string() }),
    },
    /** 6252: everything about the account and its settings; only the primary Master does it. */
    requestCode: {
      request: codeRequest,
      response: z.object({ outcome: z.enum(['code-sent', 'already-registered']), vname: z.string() }),
    },
    verifyCode: { request: verifyRequest, response: nothing },
    shards: { request: nothing, response: z.object({ shards: z.int() }) },
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
