import { nodeProtocol } from '../wire/nodeProtocol.ts';
import { serveRpc } from '../wire/rpcServer.ts';
import { CoreappNode } from './coreappNode.ts';
import type { CoreappOptions } from './coreappOptions.ts';
import { nodeHandlers } from './nodeHandlers.ts';

/** Starts a Coreapp or Master; it answers on its ports from then on. */
export async function startCoreapp(options: CoreappOptions): Promise<CoreappNode> {
  const { listen, logger } = options;
  const node = new CoreappNode(options);
  const handlers = nodeHandlers(node);
  const servers = await Promise.all(
    listen.ports.map((port) =>
      serveRpc(nodeProtocol, handlers, {
        host: listen.host,
        port,
        logger,
        seal: node.seal,
        admit: (call) => node.assertServes(call),
      }),
    ),
  );
  node.run(servers);
  return node;
}
