import * as z from 'zod';
import { codeRequest, shardsRequest, verifyRequest } from '../../onprem/account.ts';
import { contactStatus, identity } from '../../onprem/contacts.ts';
import { NODE_PORT_NAMES, type NodePortName } from '../../onprem/environment.ts';
import { gatewayStatus, nodeRole } from '../../onprem/health.ts';
import { metricShape } from '../../onprem/metrics.ts';
import { nodeSupport } from '../../onprem/support.ts';
import type { CallName, CallShape, Protocol } from './protocol.ts';

/** A call of a node, and what callers and servers derive from it. */
interface NodeCall extends CallShape {
  readonly port: NodePortName;
  /** Only the primary Master (others refuse with 1017), the owner of the shard (1018), or each node for itself. */
  readonly servedBy: 'primary' | 'shardOwner' | 'anyNode';
  /** Whether the node first asks the servers of WhatsApp over a connection of its own: callers then wait longer. */
  readonly asksNetwork: boolean;
}

/** How long a caller waits for the answer of a node, and a node for that of the servers of WhatsApp. */
const NODE_TIMEOUT_MS = 4_000;
export const NETWORK_TIMEOUT_MS = 30_000;

const nothing = z.object({});
/** Where the message is in its trace: the W3C header `traceparent`. */
export const traceparent = z.string().max(55).optional();
const onPrimary = { port: 'control', servedBy: 'primary', asksNetwork: false } as const;
const onPrimaryByNetwork = { ...onPrimary, asksNetwork: true } as const;
const onEachNode = { port: 'control', servedBy: 'anyNode', asksNetwork: false } as const;
const messaging = { port: 'messaging', servedBy: 'shardOwner', asksNetwork: false } as const;
const contacts = { ...messaging, port: 'contacts' } as const;
const healthcheck = { ...onEachNode, port: 'healthcheck' } as const;

/** What Webapps and the primary Master ask of a Coreapp or Master. */
export const nodeProtocol = {
  name: 'node',
  version: 2,
  calls: {
    /** Accepts a message for a shard that this node owns. Answered once it is committed. */
    send: {
      ...messaging,
      request: z.object({
        shard: z.int(),
        message: z.object({
          recipient: z.string(),
          type: z.string(),
          body: z.record(z.string(), z.unknown()),
          traceparent,
        }),
      }),
      response: z.object({ id: z.string(), waId: z.string().optional() }),
    },
    markRead: {
      ...messaging,
      request: z.object({ id: z.string() }),
      response: nothing,
    },
    /** Fetches media that a person sent and that was not fetched; a callback tells when it is there. */
    downloadMedia: {
      ...messaging,
      request: z.object({ id: z.string() }),
      response: nothing,
    },
    checkContacts: {
      ...contacts,
      request: z.object({ numbers: z.array(z.string()), isWaiting: z.boolean() }),
      response: z.object({
        contacts: z.array(
          z.object({ number: z.string(), status: contactStatus, waId: z.string().optional() }),
        ),
      }),
    },
    identity: {
      ...contacts,
      request: z.object({ waId: z.string() }),
      response: identity,
    },
    acknowledgeIdentity: {
      ...contacts,
      request: z.object({ waId: z.string(), hash: z.string() }),
      response: nothing,
    },
    requestCode: {
      ...onPrimaryByNetwork,
      request: codeRequest,
      response: z.object({ outcome: z.enum(['code-sent', 'already-registered']), vname: z.string() }),
    },
    verifyCode: {
      ...onPrimaryByNetwork,
      request: verifyRequest,
      response: nothing,
    },
    shards: {
      ...onPrimary,
      request: nothing,
      response: z.object({ shards: z.int() }),
    },
    setShards: {
      ...onPrimaryByNetwork,
      request: shardsRequest,
      response: nothing,
    },
    /** Without a PIN, two-step verification is switched off. */
    setTwoStep: {
      ...onPrimaryByNetwork,
      request: z.object({ pin: z.string().optional() }),
      response: nothing,
    },
    /**
     * Profile, media providers, sticker packs: what the account keeps beside its settings. `isAtServers`: the servers keep
     * it, because the Cloud API is behind the stack.
     */
    getDocument: {
      ...onPrimaryByNetwork,
      request: z.object({ name: z.string(), isAtServers: z.boolean().optional() }),
      response: z.object({ value: z.unknown().optional() }),
    },
    setDocument: {
      ...onPrimaryByNetwork,
      request: z.object({
        name: z.string(),
        value: z.unknown().optional(),
        isAtServers: z.boolean().optional(),
      }),
      response: nothing,
    },
    backup: {
      ...onPrimary,
      request: z.object({ password: z.string() }),
      response: z.object({ data: z.string() }),
    },
    restore: {
      ...onPrimary,
      request: z.object({ password: z.string(), data: z.string() }),
      response: nothing,
    },
    collectMessages: {
      ...onEachNode,
      request: nothing,
      response: z.object({ status: z.literal('processing') }),
    },
    collectMedia: {
      ...onPrimary,
      request: nothing,
      response: nothing,
    },
    stats: {
      ...onEachNode,
      request: z.object({ area: z.enum(['app', 'db']) }),
      response: z.object({ metrics: z.record(z.string(), metricShape) }),
    },
    getSettings: {
      ...onPrimary,
      request: nothing,
      response: z.record(z.string(), z.unknown()),
    },
    patchSettings: {
      ...onPrimary,
      request: z.record(z.string(), z.unknown()),
      response: nothing,
    },
    resetSettings: {
      ...onPrimary,
      request: nothing,
      response: nothing,
    },
    getWebhookCa: {
      ...onPrimary,
      request: nothing,
      response: z.object({ pem: z.string().optional() }),
    },
    setWebhookCa: {
      ...onPrimary,
      request: z.object({ pem: z.string().optional() }),
      response: nothing,
    },
    support: {
      ...onEachNode,
      request: nothing,
      response: nodeSupport,
    },
    health: {
      ...healthcheck,
      request: nothing,
      response: z.object({ gateway_status: gatewayStatus, role: nodeRole.optional() }),
    },
    heartbeat: {
      ...healthcheck,
      request: z.object({ from: z.string() }),
      response: z.object({ gateway_status: gatewayStatus }),
    },
  },
  events: {},
} as const satisfies Protocol & { calls: Readonly<Record<string, NodeCall>> };
export type NodeProtocol = typeof nodeProtocol;

export type NodeCallName = CallName<NodeProtocol>;
export type CallServedBy<W extends NodeCall['servedBy']> = {
  [N in NodeCallName]: NodeProtocol['calls'][N]['servedBy'] extends W ? N : never;
}[NodeCallName];

/** Where a call goes, and how long its caller waits. `ports` are in the order of `NODE_PORT_NAMES`. */
export function routeOf(
  call: NodeCallName,
  node: { readonly hostname: string; readonly ports: readonly number[] },
): { target: { host: string; port: number }; timeoutMs: number } {
  const { port, asksNetwork } = nodeProtocol.calls[call];
  return {
    target: { host: node.hostname, port: node.ports[NODE_PORT_NAMES.indexOf(port)] ?? 0 },
    timeoutMs: asksNetwork ? NETWORK_TIMEOUT_MS : NODE_TIMEOUT_MS,
  };
}
