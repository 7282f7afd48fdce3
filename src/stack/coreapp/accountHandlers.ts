import { X509Certificate } from 'node:crypto';
import { SETTINGS_OF_CLIENT, settingsPatch } from '../../onprem/settings.ts';
import { type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import { parseNetworkUrl } from '../wire/networkUrl.ts';
import type { NodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import { RpcClient } from '../wire/rpcClient.ts';
import type { Handlers } from '../wire/rpcServer.ts';
import { openBackup, sealBackup } from './backup.ts';
import { type CoreappNode, EXPIRED } from './coreappNode.ts';

const NETWORK_TIMEOUT_MS = 30_000;

type AccountCalls =
  | 'requestCode'
  | 'verifyCode'
  | 'shards'
  | 'setShards'
  | 'setTwoStep'
  | 'getSettings'
  | 'patchSettings'
  | 'resetSettings'
  | 'getWebhookCa'
  | 'setWebhookCa'
  | 'getDocument'
  | 'setDocument'
  | 'backup'
  | 'restore';

/** What only the primary Master does: everything about the account and its settings. */
export function accountHandlers(node: CoreappNode): Pick<Handlers<NodeProtocol>, AccountCalls> {
  const { config, cluster, options } = node;

  /** Registration needs no session: the primary Master asks over a connection of its own. */
  const askNetwork = async <T>(
    ask: (client: RpcClient<NetworkProtocol>, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const signal = AbortSignal.timeout(NETWORK_TIMEOUT_MS);
    const target = parseNetworkUrl(options.networkUrl);
    const client = await RpcClient.connect(networkProtocol, { ...target, clock: options.clock }, signal);
    try {
      return await ask(client, signal);
    } finally {
      client.close();
    }
  };
  const registered = async () => {
    const account = await config.account();
    if (!account?.registrationKey) throw new Refusal(1011, 'the number is not registered');
    return { ...account, registrationKey: account.registrationKey };
  };

  const handlers: Pick<Handlers<NodeProtocol>, AccountCalls> = {
    requestCode: async (request) => {
      if (node.isExpired) throw new Refusal(1005, EXPIRED);
      const account = await config.account();
      const sameNumber = account?.cc === request.cc && account.phoneNumber === request.phone_number;
      const registrationKey = sameNumber ? account.registrationKey : undefined;
      const answer = await askNetwork((client, signal) =>
        client.call('requestCode', { ...request, registrationKey }, signal),
      );
      await config.saveAccount({
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
      const account = await config.account();
      if (!account) throw new Refusal(1005, 'Request a code first');
      const number = account.cc + account.phoneNumber;
      const { registrationKey, vname } = await askNetwork((client, signal) =>
        client.call('register', { number, code, pin: account.pin }, signal),
      );
      await config.saveAccount({ ...account, registrationKey, vname });
      await node.refresh();
      return {};
    },

    shards: async () => ({ shards: (await cluster.shardMap()).length }),

    setShards: async ({ cc, phone_number, shards, pin, cert }) => {
      const account = await registered();
      if (account.cc !== cc || account.phoneNumber !== phone_number)
        throw new Refusal(1009, 'cc and phone_number are not those of this installation');
      if (!options.multiconnect && shards > 1)
        throw new Refusal(1009, 'shards: a single instance has one shard; set WA_APP_MULTICONNECT=1');
      const coreapps = (await cluster.nodes()).filter(({ master }) => !master).length;
      if (options.multiconnect && coreapps < shards)
        throw new Refusal(1009, `shards: ${shards} need as many Coreapps, and there are ${coreapps}`);
      if ((await cluster.shardMap()).length === shards) return {};
      const { registrationKey } = account;
      const { isRegistered } = await askNetwork((client, signal) =>
        client.call('reshard', { cc, phone_number, cert, pin, registrationKey }, signal),
      );
      await cluster.setShards(shards);
      if (!isRegistered) await config.saveAccount({ ...account, registrationKey: undefined });
      return {};
    },

    setTwoStep: async ({ pin }) => {
      const account = await registered();
      const number = account.cc + account.phoneNumber;
      const { registrationKey } = account;
      await askNetwork((client, signal) => client.call('setPin', { number, registrationKey, pin }, signal));
      return {};
    },

    getSettings: async () => {
      const account = await config.account();
      return {
        ...(await config.settings()),
        ...(account?.registrationKey ? { wa_id: account.cc + account.phoneNumber } : {}),
      };
    },

    patchSettings: async (patch) => {
      const parsed = settingsPatch.safeParse(patch);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const unknown = issue?.code === 'unrecognized_keys';
        const path = [...(issue?.path ?? []), ...(unknown ? issue.keys : [])].join('.');
        throw new Refusal(unknown ? 1010 : 1009, `${path}: ${issue?.message ?? 'not valid'}`);
      }
      if (parsed.data.pass_through === true) throw new Refusal(1009, SETTINGS_OF_CLIENT.passThrough);
      await config.patchSettings(parsed.data);
      await node.refresh();
      return {};
    },

    resetSettings: async () => {
      await config.resetSettings();
      await node.refresh();
      return {};
    },

    getWebhookCa: async () => ({ pem: await config.webhookCa() }),

    setWebhookCa: async ({ pem }) => {
      if (pem !== undefined && !isCertificate(pem)) throw new Refusal(1009, 'The body is no PEM certificate');
      await config.setWebhookCa(pem);
      return {};
    },

    getDocument: async ({ name }) => ({ value: await config.document(name) }),
    setDocument: async ({ name, value }) => {
      await config.saveDocument(name, value);
      return {};
    },

    backup: async ({ password }) => {
      const [account, shards, documents] = [
        await registered(),
        await cluster.shardMap(),
        await config.documents(),
      ];
      return { data: sealBackup({ account, shards: shards.length, documents }, password) };
    },

    restore: async ({ password, data }) => {
      const { account, shards, documents } = openBackup(data, password);
      if ((await cluster.shardMap()).length !== shards)
        throw new Refusal(1009, `the backup is of an installation with ${shards} shards`);
      await config.saveAccount({ ...account, pin: account.pin });
      for (const [name, value] of Object.entries(documents)) await config.saveDocument(name, value);
      await node.refresh();
      return {};
    },
  };
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handle]) => [
      name,
      async (...input: Parameters<typeof handle>) => {
        requirePrimary(node);
        return (handle as (...given: unknown[]) => Promise<unknown>)(...input);
      },
    ]),
  ) as unknown as typeof handlers;
}

/** @throws Refusal 1011 before the schema is there, 1017 on any other node */
export function requirePrimary(node: CoreappNode): void {
  if (!node.isReady)
    throw new Refusal(1011, 'Wacore is not instantiated. Please check wacore log for details.');
  if (!node.isPrimary) throw new Refusal(1017, 'This node is not the primary Master');
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
