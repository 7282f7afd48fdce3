import { X509Certificate } from 'node:crypto';
import { settingsPatch } from '../../onprem/settings.ts';
import type { NodeSupport } from '../../onprem/support.ts';
import { schemaVersions } from '../store/migrations.ts';
import { type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import type { NodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import { RpcClient } from '../wire/rpcClient.ts';
import type { Handlers } from '../wire/rpcServer.ts';
import type { CoreappNode } from './coreappNode.ts';
import { parseNetworkUrl } from './gateway.ts';

/** Builds expire 180 days after they were made. The emulator's counts as made when it is started. */
const BUILD_LIFETIME_MS = 180 * 86_400_000;

/** What a node answers on its four ports. */
export function nodeHandlers(node: CoreappNode): Handlers<NodeProtocol> {
  const primaryOnly = () => {
    if (!node.isReady)
      throw new Refusal(1011, 'Wacore is not instantiated. Please check wacore log for details.');
    if (!node.isPrimary) throw new Refusal(1017, 'This node is not the primary Master');
  };
  const expires = new Date(node.options.clock.now() + BUILD_LIFETIME_MS).toISOString().slice(0, 19);

  /** Registration needs no session: the primary Master asks over a connection of its own. */
  const askNetwork = async <T>(
    ask: (client: RpcClient<NetworkProtocol>, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const signal = AbortSignal.timeout(30_000);
    const target = parseNetworkUrl(node.options.networkUrl);
    const client = await RpcClient.connect(networkProtocol, { ...target, clock: node.options.clock }, signal);
    try {
      return await ask(client, signal);
    } finally {
      client.close();
    }
  };

  return {
    send: async ({ shard, message }) => {
      const ownNumber = node.assertOwner(shard);
      return { id: await node.outbox.accept(message, shard, ownNumber) };
    },

    requestCode: async (request) => {
      primaryOnly();
      const account = await node.config.account();
      const sameNumber = account?.cc === request.cc && account.phoneNumber === request.phone_number;
      const registrationKey = sameNumber ? account.registrationKey : undefined;
      const answer = await askNetwork((client, signal) =>
        client.call('requestCode', { ...request, registrationKey }, signal),
      );
      await node.config.saveAccount({
        cc: request.cc,
        phoneNumber: request.phone_number,
        vname: answer.vname,
        cert: request.cert,
        // Kept until verified: the number goes on working while the code is on its way.
        registrationKey,
        pin: request.pin,
      });
      return answer;
    },

    verifyCode: async ({ code }) => {
      primaryOnly();
      const account = await node.config.account();
      if (!account) throw new Refusal(1005, 'Request a code first');
      const number = account.cc + account.phoneNumber;
      const { registrationKey, vname } = await askNetwork((client, signal) =>
        client.call('register', { number, code, pin: account.pin }, signal),
      );
      await node.config.saveAccount({ ...account, registrationKey, vname });
      await node.refresh();
      return {};
    },

    shards: async () => {
      primaryOnly();
      return { shards: (await node.cluster.shardMap()).length };
    },

    getSettings: async () => {
      primaryOnly();
      const account = await node.config.account();
      return {
        ...(await node.config.settings()),
        ...(account?.registrationKey ? { wa_id: account.cc + account.phoneNumber } : {}),
      };
    },

    patchSettings: async (patch) => {
      primaryOnly();
      const parsed = settingsPatch.safeParse(patch);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const unknown = issue?.code === 'unrecognized_keys';
        const path = [...(issue?.path ?? []), ...(unknown ? issue.keys : [])].join('.');
        throw new Refusal(unknown ? 1010 : 1009, `${path}: ${issue?.message ?? 'not valid'}`);
      }
      await node.config.patchSettings(parsed.data);
      await node.refresh();
      return {};
    },

    resetSettings: async () => {
      primaryOnly();
      await node.config.resetSettings();
      return {};
    },

    getWebhookCa: async () => {
      primaryOnly();
      return { pem: await node.config.webhookCa() };
    },

    setWebhookCa: async ({ pem }) => {
      primaryOnly();
      if (pem !== undefined && !isCertificate(pem)) throw new Refusal(1009, 'The body is no PEM certificate');
      await node.config.setWebhookCa(pem);
      return {};
    },

    support: async (): Promise<NodeSupport> => {
      const { account, options, role, gatewayStatus, ownedShard } = node;
      return {
        context: 'healthcheck',
        db_engine: 'PGSQL',
        debug_info: account?.registrationKey ? account.cc + account.phoneNumber : 'unregistered',
        description: `waba-emulator ${options.version}`,
        device_iso8601: new Date(options.clock.now()).toISOString(),
        expire_timestamp: expires,
        multi_connect: options.multiconnect,
        os_name: process.platform,
        schema: schemaVersions(),
        socket_conn: gatewayStatus === 'connected' ? 'UP' : gatewayStatus === 'connecting' ? 'SC' : 'DN',
        version: options.version,
        ...(role
          ? {
              role,
              shards:
                ownedShard === undefined
                  ? []
                  : [[-1, -1] as [number, number], [ownedShard, ownedShard] as [number, number]],
            }
          : {}),
      };
    },

    health: async () => ({ gateway_status: node.gatewayStatus, ...(node.role ? { role: node.role } : {}) }),
    heartbeat: async () => ({ gateway_status: node.gatewayStatus }),
  };
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
