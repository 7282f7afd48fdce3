import { withDeadline } from '../../base/clock.ts';
import { type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import { parseNetworkUrl } from '../wire/networkUrl.ts';
import { NETWORK_TIMEOUT_MS } from '../wire/nodeProtocol.ts';
import { Unreachable } from '../wire/protocol.ts';
import { RpcClient } from '../wire/rpcClient.ts';
import type { CoreappOptions } from './coreappOptions.ts';

/**
 * Registration and the profile need no session: the primary Master asks the network over a connection of its own.
 * @throws Refusal, Unreachable
 */
export async function askNetwork<T>(
  { networkUrl, wire, clock }: Pick<CoreappOptions, 'networkUrl' | 'wire' | 'clock'>,
  ask: (client: RpcClient<NetworkProtocol>, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = () => new Unreachable(networkUrl);
  const { signal, release } = withDeadline(clock, new AbortController().signal, NETWORK_TIMEOUT_MS, late);
  try {
    const client = await RpcClient.connect(
      networkProtocol,
      { ...parseNetworkUrl(networkUrl), wire, clock },
      signal,
    );
    return await ask(client, signal).finally(() => client.close());
  } finally {
    release();
  }
}
