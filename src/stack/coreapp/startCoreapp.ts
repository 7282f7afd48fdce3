import { NODE_PORT_NAMES } from '../../onprem/environment.ts';
import { nodeProtocol } from '../wire/nodeProtocol.ts';
import { serveRpc } from '../wire/rpcServer.ts';
import { CoreappNode } from './coreappNode.ts';
import type { CoreappOptions } from './coreappOptions.ts';
import { nodeHandlers } from './nodeHandlers.ts';

const CONTROL = NODE_PORT_NAMES.indexOf('control');

/** Starts a Coreapp or Master. It answers on its ports from then on; on `control` while it is a member of its stack. */
export async function startCoreapp(options: CoreappOptions): Promise<CoreappNode> {
  const { listen, logger } = options;
  const node = new CoreappNode(options);
  const handlers = nodeHandlers(node);
  const servers = await Promise.all(
    listen.ports.map((port, index) =>
      serveRpc(nodeProtocol, handlers, {
        host: listen.host,
        port,
        startsClosed: index === CONTROL,
        logger,
        seal: node.seal,
        wire: options.wire,
        admit: (call) => node.assertServes(call),
      }),
    ),
  );
  node.run(servers, servers[CONTROL]);
  return node;
}
