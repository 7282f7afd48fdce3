import { X509Certificate } from 'node:crypto';
import { SETTINGS_OF_CLIENT, settingsPatch } from '../../onprem/settings.ts';
import type { NodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import type { Handlers } from '../wire/rpcServer.ts';
import { openBackup, sealBackup } from './backup.ts';
import type { CoreappNode } from './coreappNode.ts';
import { registeredAccount } from './registeredAccount.ts';

/** The configuration of the stack: settings, the webhook's CA, documents, and their backup. */
export function configurationHandlers(node: CoreappNode) {
  const { config, cluster } = node;
  return {
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
        await registeredAccount(config),
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
  } satisfies Partial<Handlers<NodeProtocol>>;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
