import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { pemBlocks } from '../../base/pki/pemBlocks.ts';
import { isPrivatePlainUrl } from '../../base/privatePlainUrl.ts';
import { knows } from '../../onprem/clientBehaviour.ts';
import { mergeSettings, SETTINGS_OF_CLIENT, settingsPatch } from '../../onprem/settings.ts';
import { profilePart } from '../wire/networkProtocol.ts';
import type { NodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import type { Handlers } from '../wire/rpcServer.ts';
import { askNetwork } from './askNetwork.ts';
import { openBackup, sealBackup } from './backup.ts';
import type { CoreappNode } from './coreappNode.ts';
import { registeredAccount } from './registeredAccount.ts';

/** The configuration of the stack: settings, the webhook's CA, documents, and their backup. */
export function configurationHandlers(node: CoreappNode) {
  const { config, cluster } = node;
  const { version, logger } = node.options;
  const hasSwitches = knows(version, 'statusSwitches');
  return {
    getSettings: async () => {
      const account = await config.account();
      const settings = await config.settings();
      const { message: _, ...webhooks } = settings.webhooks;
      return {
        ...settings,
        ...(hasSwitches ? {} : { webhooks }),
        ...(account?.registrationKey ? { wa_id: account.cc + account.phoneNumber } : {}),
      };
    },

    patchSettings: async (patch) => {
      const plain = node.options.plainWebhooks ? plainUrlIn(patch) : undefined;
      const parsed = settingsPatch.safeParse(plain ? mergeSettings(patch, NO_WEBHOOK) : patch);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const unknown = issue?.code === 'unrecognized_keys';
        const path = [...(issue?.path ?? []), ...(unknown ? issue.keys : [])].join('.');
        throw new Refusal(unknown ? 1010 : 1009, `${path}: ${issue?.message ?? 'not valid'}`);
      }
      if (parsed.data.pass_through === true && knows(version, 'passThroughIsOver'))
        throw new Refusal(1009, SETTINGS_OF_CLIENT.passThrough);
      if (parsed.data.webhooks?.message && !hasSwitches) throw new Refusal(1010, 'webhooks.message');
      await config.patchSettings(plain ? mergeSettings(parsed.data, plain) : parsed.data);
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
      logger.warn(
        'the CA of the webhook has changed; it takes effect when every Coreapp, or on a laptop the emulator, has restarted',
      );
      return {};
    },

    getDocument: async ({ name, isAtServers }) => {
      if (!isAtServers) return { value: await config.document(name) };
      const part = profilePart.parse(name);
      return askNetwork(node.options, (client, signal) => client.call('profile', { part }, signal));
    },
    setDocument: async ({ name, value, isAtServers }) => {
      if (isAtServers) {
        const part = profilePart.parse(name);
        await askNetwork(node.options, (client, signal) =>
          client.call('setProfile', { part, value }, signal),
        );
      }
      // Kept here too: a backup holds it, and a stack that leaves the Cloud API goes on with it.
      await config.saveDocument(name, value);
      return {};
    },

    backup: async ({ password }) => {
      const [account, shards, documents] = [
        await registeredAccount(config),
        await cluster.shardMap(),
        await config.documents(),
      ];
      return { data: await sealBackup({ account, shards: shards.length, documents }, password) };
    },

    restore: async ({ password, data }) => {
      const { account, shards, documents } = await openBackup(data, password);
      if ((await cluster.shardMap()).length !== shards)
        throw new Refusal(1009, `the backup is of an installation with ${shards} shards`);
      await config.saveAccount({ ...account, pin: account.pin });
      for (const [name, value] of Object.entries(documents)) await config.saveDocument(name, value);
      await node.refresh();
      return {};
    },
  } satisfies Partial<Handlers<NodeProtocol>>;
}

const NO_WEBHOOK = { webhooks: { url: '' } };

/** The webhook of a patch, if its URL is one that a laptop may have and a stack in a cluster may not. */
function plainUrlIn(patch: Record<string, unknown>): typeof NO_WEBHOOK | undefined {
  const { url } = (patch.webhooks ?? {}) as { url?: unknown };
  return isPrivatePlainUrl(url) ? { webhooks: { url } } : undefined;
}

/** Whether a Coreapp can verify receivers by these certificates. It reads them all with its next start. */
function isCertificate(pem: string): boolean {
  try {
    const blocks = pemBlocks(pem);
    for (const block of blocks) new X509Certificate(block);
    createSecureContext({ ca: pem });
    return blocks.length > 0 && !pem.includes('\0');
  } catch {
    return false;
  }
}
