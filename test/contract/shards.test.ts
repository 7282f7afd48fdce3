import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/calls.ts';
import type { StackClient } from '../../src/client/stackClient.ts';
import { certificateFor, EmulatorStack, startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { testDatabase } from '../support/testDatabase.ts';

const never = new AbortController().signal;
const PASSWORD = 'Passw0rd!-test';
/** The default of `webhooks.max_concurrent_requests`. */
const MAX_IN_FLIGHT = 6;
const API_KEY = { apiKey: 'test-api-key-0001' };

let database: Awaited<ReturnType<typeof testDatabase>>;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let stack: EmulatorStack;
let client: StackClient;
let session: Session;

/** Keys of the connected nodes of a role. */
const connected = async (role: string) =>
  Object.entries(await client.health.nodes(API_KEY, never))
    .filter(([, node]) => node.gateway_status === 'connected' && node.role === role)
    .map(([key]) => key);
const isReadyFor = async (shards: number) =>
  (await client.account.shards(session, never)) === shards && (await connected('coreapp')).length === shards;
const setShards = (shards: number) =>
  client.account.setShards(
    session,
    { cc: '1', phone_number: stack.number.slice(1), shards, cert: certificateFor(stack.number) },
    never,
  );
const retriable = (error: { retriable?: boolean }) => {
  if (error.retriable) return undefined;
  throw error;
};

/** Sends to many people, with the documented retries, until it is stopped. */
function sender() {
  const accepted: string[] = [];
  let running = true;
  const done = (async () => {
    for (let index = 0; running; index++) {
      const to = `1650556${String(index % 200).padStart(4, '0')}`;
      accepted.push(
        await eventually(() =>
          client.messages.sendText(session, to, `message ${index}`, never).catch(retriable),
        ),
      );
    }
  })();
  return {
    accepted,
    stop: async () => {
      running = false;
      await done;
    },
  };
}

beforeAll(async () => {
  [database, receiver] = await Promise.all([testDatabase(), startReceiver()]);
  stack = await EmulatorStack.start(database, 'shards_', { masters: 2, coreapps: 5, webapps: 1 });
  client = stack.client();
  session = await eventually(() => client.users.login('admin', 'secret', { newPassword: PASSWORD }, never));
  await stack.register(client, session);
  await client.certificates.setWebhookCa(session, receiver.caPem, never);
  await client.settings.patchApplication(
    session,
    {
      heartbeat_interval: 1,
      unhealthy_interval: 3,
      webhooks: { url: receiver.url, message: { sent: true } },
    },
    never,
  );
  await stack.restartNodes();
  await eventually(() => isReadyFor(1));
});
afterAll(async () => {
  await stack?.close();
  await receiver?.close();
  await database?.close();
});

describe('a number that is split into shards', () => {
  it('needs one Coreapp for each shard, and the certificate', async () => {
    await expect(setShards(8)).rejects.toMatchObject({
      apiCode: 1009,
      details: expect.stringContaining('there are 5'),
    });
    await expect(
      client.account.setShards(
        session,
        { cc: '1', phone_number: stack.number.slice(1), shards: 2, cert: 'x' },
        never,
      ),
    ).rejects.toMatchObject({ status: 403, apiCode: 1005 });
  });

  it('has one connected Coreapp for each shard, and a connected primary Master', async () => {
    await setShards(4);
    await eventually(() => isReadyFor(4));
    await eventually(async () => (await connected('primary_master')).length === 1);
    expect(await connected('secondary_master')).toEqual([]);
    const support = Object.values(await client.support.nodes(session, never));
    const owned = support.filter(({ role }) => role === 'coreapp').flatMap(({ shards = [] }) => shards);
    expect(owned.sort()).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(support.find(({ role }) => role === 'primary_master')?.shards).toEqual([[-1, -1]]);
  });

  it('loses no accepted message while it scales up and down and a Coreapp is removed, and repeats few webhooks', {
    timeout: 240_000,
  }, async () => {
    const sending = sender();
    const goesOn = (messages: number) => {
      const before = sending.accepted.length;
      return eventually(() => sending.accepted.length > before + messages);
    };
    await goesOn(20);
    await setShards(2);
    await eventually(() => isReadyFor(2));
    await goesOn(10);
    await setShards(4);
    await eventually(() => isReadyFor(4));
    await goesOn(10);
    const [owner = ''] = await connected('coreapp');
    await stack.nodes.get(owner.split(':')[1] ?? '')?.close();
    await eventually(() => isReadyFor(4), 60_000);
    await setShards(1);
    await eventually(() => isReadyFor(1));
    await goesOn(20);
    await sending.stop();

    const isTold = (id: string) =>
      receiver.statuses(id).some((status) => status === 'failed' || status === 'read');
    await eventually(() => sending.accepted.every(isTold), 60_000);
    const twice = sending.accepted.filter(
      (id) => new Set(receiver.statuses(id)).size < receiver.statuses(id).length,
    );
    expect(sending.accepted.length).toBeGreaterThan(60);
    // Delivery is at least once: a webhook that was in flight while its shard moved may be repeated.
    expect(twice.length).toBeLessThanOrEqual(MAX_IN_FLIGHT);
  });

  it('delivers incoming messages of every shard once', async () => {
    const people = Array.from({ length: 40 }, (_, index) => `1650557${String(index).padStart(4, '0')}`);
    for (const from of people)
      await stack.network.people.write({
        from,
        to: stack.number,
        type: 'text',
        content: { body: 'Hi' },
      });
    const writers = () =>
      receiver.received.flatMap(({ messages = [] }) => messages.map(({ from }) => from)).sort();
    await eventually(() => writers().length >= people.length);
    expect(writers()).toEqual(people);
  });

  it('is disconnected by a change more than seven days after its registration', async () => {
    await stack.network.advance(8 * 86_400_000);
    // The token has expired with the rest.
    session = await client.users.login('admin', PASSWORD, {}, never);
    await setShards(2);
    await eventually(async () =>
      Object.values(await client.health.nodes({ apiKey: 'test-api-key-0001' }, never)).every(
        ({ gateway_status: status }) => status === 'unregistered',
      ),
    );
    expect(stack.network.state.number(stack.number).registrationKey).toBeUndefined();
  });
});
