import { afterEach, describe, expect, it } from 'vitest';
import { CLUSTER_RIGHTS } from '../../src/operator/plan/render/mariadbCluster.ts';
import type { Login } from '../../src/stack/store/accounts.ts';
import { asAdmin } from '../../src/stack/store/server.ts';
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

async function loadedStack(loginOn?: (database: ReplicatedDatabase) => Promise<Login>) {
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
  const at = { databasePort, login: await loginOn?.(database) };
  await stack.startNode('coreapp-0', SINGLE, undefined, at);
  await stack.startWebapp(false, at);
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
  await stack.restartNodes(at);
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
  /** As the operator does it: one process after the other. */
  const takeLogin = async (login: Login) => {
    await stack.restartNodes({ databasePort, login });
    await stack.restartWebapps({ databasePort, login, port: stack.address().port });
  };
  return { database, link, load, flows, receiver, takeLogin };
}

/** What the receiver was told of the accepted messages, once it was told of all. */
async function toldOf({
  load,
  receiver,
}: Pick<Awaited<ReturnType<typeof loadedStack>>, 'load' | 'receiver'>) {
  const told = () => tally(receiver.received, load.accepted);
  await eventually(() => told().lost.length === 0, 30_000).catch(() => {});
  return told();
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
    const { lost, disordered, repeated } = await toldOf({ load, receiver });
    process.stderr.write(
      `${name}: ${load.accepted.length} accepted, ${load.refused} refused, ${lost.length} lost, ${repeated} repeated\n`,
    );
    expect({ lost, disordered }).toEqual({ lost: [], disordered: [] });
    expect(load.refused).toBeGreaterThan(0);
  });
});

const ROOT: Login = { username: 'waba', password: 'test-password' };
const FIRST: Login = { username: 'app', password: 'first' };
const SECOND: Login = { username: 'app_2', password: 'second' };
/** As docs/databases.md says it for a cluster of another operator: none of the accounts rules the server. */
const ACCOUNTS = {
  PGSQL: {
    first: [`CREATE ROLE app LOGIN CREATEDB PASSWORD 'first'`],
    second: [`CREATE ROLE app_2 LOGIN IN ROLE app PASSWORD 'second'`, `ALTER ROLE app_2 SET role = app`],
    change: (user: string, password: string) => `ALTER ROLE ${user} PASSWORD '${password}'`,
    sessions: (user: string) => `SELECT 1 FROM pg_stat_activity WHERE usename = '${user}'`,
  },
  MYSQL: {
    first: [
      `CREATE USER 'app'@'%' IDENTIFIED BY 'first'`,
      `GRANT ${CLUSTER_RIGHTS.join(', ')} ON *.* TO 'app'@'%'`,
    ],
    second: [
      `CREATE USER 'app_2'@'%' IDENTIFIED BY 'second'`,
      `GRANT ${CLUSTER_RIGHTS.join(', ')} ON *.* TO 'app_2'@'%'`,
    ],
    change: (user: string, password: string) => `ALTER USER '${user}'@'%' IDENTIFIED BY '${password}'`,
    sessions: (user: string) => `SELECT 1 FROM information_schema.PROCESSLIST WHERE USER = '${user}'`,
  },
} as const;

describe('another login of a replicated database under load', () => {
  it('loses no message that was accepted, with a failover between, and goes back to the first account', async () => {
    const ask = async (
      { primary }: ReplicatedDatabase,
      statements: readonly string[],
      login: Login,
      port: number,
    ) => {
      let rows: readonly object[] = [];
      const settings = { engine: primary.engine, host: HOST, port, prefix: '', ...login };
      for (const statement of statements) rows = await asAdmin(settings, ({ ask }) => ask(statement));
      return rows;
    };
    const { database, link, load, flows, receiver, takeLogin } = await loadedStack(async (database) => {
      await ask(
        database,
        ACCOUNTS[database.primary.engine].first,
        administrator(database),
        database.primary.port,
      );
      return FIRST;
    });
    const { engine, port } = database.primary;
    const { second, change, sessions } = ACCOUNTS[engine];
    const root = administrator(database);
    await ask(database, second, root, port);
    await takeLogin(SECOND);
    await flows();
    expect(await ask(database, [sessions(FIRST.username)], root, port)).toEqual([]);
    await ask(database, [change(FIRST.username, 'changed')], root, port);
    await expect(ask(database, ['SELECT 1'], FIRST, port)).rejects.toThrow();
    await flows();

    // What either account makes, the other one may change.
    const changed = { ...FIRST, password: 'changed' };
    await ask(database, ['CREATE DATABASE of_the_second'], SECOND, port);
    await ask(database, ['DROP DATABASE of_the_second'], changed, port);

    await database.killPrimary();
    link.moveTo(database.standbyPort);
    await database.promoteStandby();
    await flows();
    await takeLogin(changed);
    await flows();
    await ask(database, [change(SECOND.username, 'changed too')], root, database.standbyPort);
    await flows();
    await load.stop();
    const { lost, disordered, repeated } = await toldOf({ load, receiver });
    process.stderr.write(
      `another login: ${load.accepted.length} accepted, ${load.refused} refused, ${lost.length} lost, ${repeated} repeated\n`,
    );
    expect({ lost, disordered }).toEqual({ lost: [], disordered: [] });
    expect(await ask(database, [sessions(SECOND.username)], root, database.standbyPort)).toEqual([]);
  }, 120_000);
});

/** MariaDB lets only root make accounts: `waba` has no GRANT OPTION there. */
const administrator = ({ primary }: ReplicatedDatabase): Login =>
  primary.engine === 'MYSQL' ? { ...ROOT, username: 'root' } : ROOT;
