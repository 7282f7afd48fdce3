import { afterEach, describe, expect, it } from 'vitest';
import { CountedLoad, tally } from '../support/countedLoad.ts';
import { CuttableLink } from '../support/cuttableLink.ts';
import { EmulatorStack, startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { type ReplicatedDatabase, replicatedDatabase } from '../support/replicatedDatabase.ts';

/** A stack under load whose database has two servers, and an address that leads to the one that takes writes. */

const never = new AbortController().signal;
const HOST = '127.0.0.1';
const SINGLE = { master: false, multiconnect: false };
const PEOPLE = Array.from({ length: 10 }, (_, index) => `1650558${String(index).padStart(4, '0')}`);
const PER_SECOND = 20;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function loadedStack() {
  const database = await replicatedDatabase();
  closers.push(() => database.primary.close());
  const link = await CuttableLink.start(HOST, [database.primary.port]);
  closers.push(() => link.close());
  const receiver = await startReceiver();
  closers.push(receiver.close);
  const stack = await EmulatorStack.start(database.primary, 'failover_', {
    masters: 0,
    coreapps: 0,
    webapps: 0,
  });
  closers.push(() => stack.close());
  const databasePort = link.ports[0] as number;
  await stack.startNode('coreapp-0', SINGLE, undefined, { databasePort });
  await stack.startWebapp(false, { databasePort });
  const client = stack.client();
  const session = await client.users.login('admin', 'secret', { newPassword: 'Passw0rd!-test' }, never);
  await stack.register(client, session);
  await client.certificates.setWebhookCa(session, receiver.caPem, never);
  await client.settings.patchApplication(
    session,
    { webhooks: { url: receiver.url, message: { sent: true } }, callback_backoff_delay_ms: 100 },
    never,
  );
  // The CA takes effect with a restart.
  await stack.restartNodes({ databasePort });
  for (const from of PEOPLE)
    await stack.network.people.write({
      from,
      to: stack.number,
      type: 'text',
      content: { body: 'Hi' },
      profileName: 'Ana',
    });
  const send = (index: number) =>
    client.messages.sendText(session, PEOPLE[index % PEOPLE.length] ?? '', `text ${index}`, never);
  const load = new CountedLoad(send, PER_SECOND);
  closers.push(() => load.stop());
  /** Messages are accepted again, by a node that has done so more often than it has connections. */
  const flows = async () => {
    const before = load.accepted.length;
    await eventually(() => load.accepted.length > before + 2 * PER_SECOND, 30_000);
  };
  await flows();
  return { database, link, load, flows, receiver };
}

const FAILOVERS: Record<string, (database: ReplicatedDatabase, link: CuttableLink) => Promise<void>> = {
  'the primary is killed, and the address leads to a standby before that takes writes': async (
    database,
    link,
  ) => {
    await database.killPrimary();
    link.moveTo(database.standbyPort);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await database.promoteStandby();
  },
  'the primary becomes read-only, and keeps its connections': async (database, link) => {
    await database.demotePrimary();
    await database.promoteStandby();
    link.moveTo(database.standbyPort);
  },
};

describe('a failover of the database under load', () => {
  it.each(Object.keys(FAILOVERS))('loses no message that was accepted: %s', async (name) => {
    const { database, link, load, flows, receiver } = await loadedStack();
    await FAILOVERS[name]?.(database, link);
    await flows();
    await load.stop();
    const told = () => tally(receiver.received, load.accepted);
    await eventually(() => told().lost.length === 0, 30_000).catch(() => {});
    const { lost, disordered, repeated } = told();
    process.stderr.write(
      `${name}: ${load.accepted.length} accepted, ${load.refused} refused, ${lost.length} lost, ${repeated} repeated\n`,
    );
    expect({ lost, disordered }).toEqual({ lost: [], disordered: [] });
    expect(load.refused).toBeGreaterThan(0);
  });
});
