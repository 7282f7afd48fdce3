import * as z from 'zod';
import { nodeRole } from './health.ts';

/** One node in `GET /v1/support`. Source: docs/onprem/api-admin.md §16. */
export const nodeSupport = z.looseObject({
  context: z.string().optional(),
  db_engine: z.string().optional(),
  debug_info: z.string().optional(),
  expire_timestamp: z.string().optional(),
  multi_connect: z.boolean().optional(),
  role: nodeRole.optional(),
  schema: z.record(z.string(), z.number()).optional(),
  shards: z.array(z.tuple([z.number(), z.number()])).optional(),
  socket_conn: z.string().optional(),
  version: z.string().optional(),
});
export type NodeSupport = z.output<typeof nodeSupport>;

export const supportResponse = z.looseObject({
  support: z.union([nodeSupport.extend({ context: z.string() }), z.record(z.string(), z.unknown())]),
});

export function supportNodes(response: z.output<typeof supportResponse>): Record<string, NodeSupport> {
  const { support } = response;
  if (typeof support.context === 'string') return { '': support as NodeSupport };
  return Object.fromEntries(
    Object.entries(support).flatMap(([key, value]) => {
      const parsed = nodeSupport.safeParse(value);
      return parsed.success ? [[key, parsed.data]] : [];
    }),
  );
}
