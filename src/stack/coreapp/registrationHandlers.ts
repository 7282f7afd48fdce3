import type { NodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import type { Handlers } from '../wire/rpcServer.ts';
import { askNetwork } from './askNetwork.ts';
import { type CoreappNode, EXPIRED } from './coreappNode.ts';
import { registeredAccount } from './registeredAccount.ts';

/** Registration, shards and the two-step PIN: the calls on which the servers of WhatsApp decide. */
export function registrationHandlers(node: CoreappNode) {
  const { config, cluster, options } = node;
  return {
    requestCode: async (request) => {
      if (node.isExpired) throw new Refusal(1005, EXPIRED);
      const account = await config.account();
      const sameNumber = account?.cc === request.cc && account.phoneNumber === request.phone_number;
      const registrationKey = sameNumber ? account.registrationKey : undefined;
      const answer = await askNetwork(options, (client, signal) =>
        client.call('requestCode', { ...request, registrationKey }, signal),
      );
      await config.saveAccount({
        cc: request.cc,
        phoneNumber: request.phone_number,
        vname: answer.vname,
        cert: request.cert,
        // Kept until the code is verified: the number works meanwhile.
        registrationKey: answer.registrationKey ?? registrationKey,
        pin: request.pin,
      });
      if (answer.registrationKey !== undefined) await node.refresh();
      return answer;
    },

    verifyCode: async ({ code }) => {
      const account = await config.account();
      if (!account) throw new Refusal(1005, 'Request a code first');
      const number = account.cc + account.phoneNumber;
      const { registrationKey, vname } = await askNetwork(options, (client, signal) =>
        client.call('register', { number, code, pin: account.pin }, signal),
      );
      await config.saveAccount({ ...account, registrationKey, vname });
      await node.refresh();
      return {};
    },

    shards: async () => ({ shards: (await cluster.shardMap()).length }),

    setShards: async ({ cc, phone_number, shards, pin, cert }) => {
      const account = await registeredAccount(config);
      if (account.cc !== cc || account.phoneNumber !== phone_number)
        throw new Refusal(1009, 'cc and phone_number are not those of this installation');
      if (!options.multiconnect && shards > 1)
        throw new Refusal(1009, 'shards: a single instance has one shard; set WA_APP_MULTICONNECT=1');
      const coreapps = (await cluster.nodes()).filter(({ master }) => !master).length;
      if (options.multiconnect && coreapps < shards)
        throw new Refusal(1009, `shards: ${shards} need as many Coreapps, and there are ${coreapps}`);
      if ((await cluster.shardMap()).length === shards) return {};
      const { registrationKey } = account;
      const { isRegistered } = await askNetwork(options, (client, signal) =>
        client.call(
          'reshard',
          { cc, phone_number, cert: cert ?? account.cert, pin, registrationKey },
          signal,
        ),
      );
      await cluster.setShards(shards);
      if (!isRegistered) await config.saveAccount({ ...account, registrationKey: undefined });
      return {};
    },

    setTwoStep: async ({ pin }) => {
      const account = await registeredAccount(config);
      const number = account.cc + account.phoneNumber;
      const { registrationKey } = account;
      await askNetwork(options, (client, signal) =>
        client.call('setPin', { number, registrationKey, pin }, signal),
      );
      return {};
    },
  } satisfies Partial<Handlers<NodeProtocol>>;
}
