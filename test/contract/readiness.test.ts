import { createConnection } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../src/base/ports.ts';
import { NODE_PORT_NAMES, type NodePortName } from '../../src/onprem/environment.ts';
import type { CoreappNode } from '../../src/stack/coreapp/coreappNode.ts';
import { CuttableLink } from '../support/cuttableLink.ts';
import { API_KEY, EmulatorStack, type TestDatabase } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { testDatabase } from '../support/testDatabase.ts';

const never = new AbortController().signal;
const HOST = '127.0.0.1';
const MASTER = { master: true, multiconnect: true };
const COREAPP = { master: false, multiconnect: true };
const SINGLE = { master: false, multiconnect: false };

let database: TestDatabase;
const closers: (() => Promise<void>)[] = [];
beforeAll(async () => {
  database = await testDatabase();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => database?.close());

async function startStack(prefix: string) {
  const stack = await EmulatorStack.start(database, prefix, { masters: 0, coreapps: 0, webapps: 0 });
  closers.push(() => stack.close());
  return stack;
}

/** The database as a role reaches it over a link that can be cut. */
async function linkToDatabase() {
  const link = await CuttableLink.start(HOST, [database.port]);
  closers.push(() => link.close());
  return { link, databasePort: link.ports[0] as number };
}

/** What a TCP probe sees. */
const accepts = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = createConnection({ host: HOST, port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
const probe = (node: CoreappNode, name: NodePortName) =>
  accepts(node.options.externalPorts[NODE_PORT_NAMES.indexOf(name)] as number);
const isOpen = (node: CoreappNode) => probe(node, 'control');
const isClosed = async (node: CoreappNode) => !(await isOpen(node));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Time for a Coreapp to have looked at the database several times. */
const LOOKS_MS = 3_500;

describe('the port control of a node in a cluster', () => {
  it('opens once a primary Master has had a heartbeat, and then /v1/health lists the node', async () => {
    const stack = await startStack('rd_join_');
    const coreapp = await stack.startNode('coreapp-0', COREAPP);
    expect([await probe(coreapp, 'healthcheck'), await isOpen(coreapp)]).toEqual([true, false]);
    const master = await stack.startNode('master-0', MASTER);
    await eventually(() => coreapp.isReady);
    await stack.startWebapp(true);
    await eventually(() => isOpen(coreapp));
    const health = await stack.client().health.nodes({ apiKey: API_KEY }, never);
    expect(health[coreapp.id]).toEqual({ gateway_status: 'unregistered', role: 'coreapp' });
    await eventually(() => isOpen(master));
  });

  it('stays closed without a Master, and on a node that no Master can talk to', async () => {
    const stack = await startStack('rd_stranger_');
    const master = await stack.startNode('master-0', MASTER);
    await eventually(() => isOpen(master));
    const stranger = await stack.startNode('coreapp-7', COREAPP, undefined, { secret: 'another' });
    await eventually(() => stranger.isReady);
    await pause(LOOKS_MS);
    expect(await isOpen(stranger)).toBe(false);
    await master.close();
    stack.nodes.delete('master-0');
    const lonely = await stack.startNode('coreapp-8', COREAPP);
    await eventually(() => lonely.isReady);
    await pause(LOOKS_MS);
    expect(await isOpen(lonely)).toBe(false);
  });

  it('closes when the node is declared dead, not when there is no Master to declare it', async () => {
    const stack = await startStack('rd_dead_');
    const master = await stack.startNode('master-0', MASTER);
    const coreapp = await stack.startNode('coreapp-0', COREAPP);
    await eventually(() => isOpen(coreapp));
    await coreapp.config.patchSettings({ heartbeat_interval: 1, unhealthy_interval: 2 });
    await master.close();
    stack.nodes.delete('master-0');
    await pause(LOOKS_MS);
    expect(await isOpen(coreapp)).toBe(true);
    // A primary Master that hears nothing of the node.
    expect(await stack.cluster().tryLease('10.0.0.9:ghost#1', 600)).toBe(true);
    await eventually(() => isClosed(coreapp));
    await stack.cluster().releaseLease('10.0.0.9:ghost#1');
    await stack.startNode('master-1', MASTER);
    await eventually(() => isOpen(coreapp), 40_000);
  });

  it('closes when the row of the node is gone, and opens after it joined again', async () => {
    const stack = await startStack('rd_row_');
    const [first, second] = [
      await stack.startNode('master-0', MASTER),
      await stack.startNode('master-1', MASTER),
    ];
    const coreapp = await stack.startNode('coreapp-0', COREAPP);
    for (const node of [first, second, coreapp]) await eventually(() => isOpen(node));
    const secondary = first.isPrimary ? second : first;
    for (const node of [coreapp, secondary]) {
      await stack.cluster().forget([node.id]);
      await eventually(() => isClosed(node));
      await eventually(() => isOpen(node));
    }
  });

  it('closes when the database has not answered for the unhealthy interval', async () => {
    const stack = await startStack('rd_cut_');
    const { link, databasePort } = await linkToDatabase();
    const master = await stack.startNode('master-0', MASTER);
    await eventually(() => isOpen(master));
    const coreapp = await stack.startNode('coreapp-0', COREAPP, undefined, { databasePort });
    await master.config.patchSettings({ heartbeat_interval: 1, unhealthy_interval: 2 });
    await eventually(() => isOpen(coreapp));
    link.cut();
    await eventually(() => isClosed(coreapp), 60_000);
    expect(await probe(coreapp, 'healthcheck')).toBe(true);
    link.mend();
    await eventually(() => isOpen(coreapp));
  });

  it('closes first when the node stops', async () => {
    const stack = await startStack('rd_stop_');
    const master = await stack.startNode('master-0', MASTER);
    await eventually(() => isOpen(master));
    stack.nodes.delete('master-0');
    const closing = master.close();
    expect(await Promise.all([probe(master, 'healthcheck'), probe(master, 'control')])).toEqual([
      true,
      false,
    ]);
    await closing;
    expect(await probe(master, 'healthcheck')).toBe(false);
  });
});

describe('a single instance', () => {
  it('opens control, and its Webapp the API, only once they have database and schema', async () => {
    const stack = await startStack('rd_single_');
    const { link, databasePort } = await linkToDatabase();
    link.cut();
    const coreapp = await stack.startNode('coreapp-0', SINGLE, undefined, { databasePort });
    const port = await freePort();
    const starting = stack.startWebapp(false, { databasePort, port });
    await pause(LOOKS_MS);
    expect(await probe(coreapp, 'healthcheck')).toBe(true);
    expect([await isOpen(coreapp), await accepts(port)]).toEqual([false, false]);
    link.mend();
    await eventually(() => isOpen(coreapp), 60_000);
    await starting;
    expect(await accepts(port)).toBe(true);
    const health = await stack.client().health.nodes({ apiKey: API_KEY }, never);
    expect(health).toEqual({ '': { gateway_status: 'unregistered' } });
  });

  it('says that it is not ready, not that it is away, to calls before it has joined', async () => {
    const stack = await startStack('rd_early_');
    const { link, databasePort } = await linkToDatabase();
    link.cut();
    await stack.startNode('coreapp-0', SINGLE, undefined, { databasePort });
    await stack.startWebapp(false);
    const client = stack.client();
    const session = await client.users.login('admin', 'secret', { newPassword: 'Passw0rd!-test' }, never);
    await expect(client.settings.application(session, never)).rejects.toMatchObject({ apiCode: 1011 });
  });
});
