import * as z from 'zod';
import { apiErrorBody } from './envelope.ts';

export const gatewayStatus = z.enum([
  'connected',
  'connecting',
  'disconnected',
  'uninitialized',
  'unregistered',
]);
export type GatewayStatus = z.output<typeof gatewayStatus>;

export const nodeRole = z.enum(['primary_master', 'secondary_master', 'coreapp']);
export type NodeRole = z.output<typeof nodeRole>;

/** One node in `GET /v1/health`. A node that cannot answer has only `errors`. */
const nodeHealth = z.looseObject({
  gateway_status: gatewayStatus.optional(),
  role: nodeRole.optional(),
  errors: z.array(apiErrorBody).optional(),
});
export type NodeHealth = z.output<typeof nodeHealth>;

/** Single: the fields of the one node. Cluster: nodes under `<hostname>:<container id>`. */
export const healthResponse = z.looseObject({
  health: z.union([nodeHealth.extend({ gateway_status: gatewayStatus }), z.record(z.string(), nodeHealth)]),
});

/** The nodes of either form by key; the single node has the key ''. */
export function healthNodes(response: z.output<typeof healthResponse>): Record<string, NodeHealth> {
  const { health } = response;
  return typeof health.gateway_status === 'string' || health.errors !== undefined
    ? { '': health as NodeHealth }
    : (health as Record<string, NodeHealth>);
}

/** `10.0.0.1:shop-coreapp-0-0` → its parts. */
export function splitNodeKey(key: string): { hostname: string; container: string } {
  const colon = key.indexOf(':');
  return { hostname: key.slice(0, colon), container: key.slice(colon + 1) };
}
