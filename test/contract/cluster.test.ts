import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/calls.ts';
import type { StackClient } from '../../src/client/stackClient.ts';
import type { NodeSupport } from '../../src/onprem/support.ts';
import { apiCall } from '../support/apiCall.ts';
import { API_KEY, EmulatorStack, type TestDatabase } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { testDatabase } from '../support/testDatabase.ts';

const never = new AbortController().signal;
const PASSWORD = 'Passw0rd!-test';

let database: TestDatabase;
let stack: EmulatorStack;
let client: StackClient;
let session: Session;

const health = () => client.health.nodes({ apiKey: API_KEY }, never);
const statusOf = async (container: string) =>
  Object.entries(await health()).find(([key]) => key.endsWith(`:${container}`))?.[1];
const versionIn = (nodes: Record<string, NodeSupport>, container: string) =>
  Object.entries(nodes).find(([key]) => key.endsWith(`:${container}`))?.[1].version;
/** Whether one of the Coreapps is connected. */
const serves = async () =>
  Object.values(await health()).some(
    ({ role, gateway_status: status }) => role === 'coreapp' && status === 'connected',
  );

beforeAll(async () => {
  database = await testDatabase();
  stack = await EmulatorStack.start(database, 'cl_', {
    masters: 1,
    coreapps: 2,
    webapps: 1,
    secret: 'shared',
  });
  client = stack.client();
  session = await eventually(() => client.users.login('admin', 'secret', { newPassword: PASSWORD }, never));
  await stack.register(client, session);
});
afterAll(async () => {
  await stack?.close();
  await database?.close();
});

describe('WA_SECRET', () => {
  it('must be the same on all nodes: a node with another value is kept out', async () => {
    await eventually(serves, 60_000);
    expect(await client.settings.application(session, never)).toMatchObject({ callback_persist: true });
    const stranger = await stack.startNode('coreapp-7', { master: false, multiconnect: true }, undefined, {
      secret: 'another',
    });
    await eventually(() => stranger.isReady);
    // It is registered in the database, but no node can talk to it.
    expect(await eventually(() => statusOf('coreapp-7'))).toMatchObject({ errors: [{ code: 1014 }] });
    await stranger.close();
    stack.nodes.delete('coreapp-7');
  });
});

describe('a schema upgrade', () => {
  it('keeps nodes that start during it from working, until it ends', async () => {
    await stack.cluster().setUpgrade(true, { version: 'v2.57.1', name: '10.0.0.9:gone' });
    const waiting = await stack.startNode('coreapp-8', { master: false, multiconnect: true });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect([waiting.isReady, waiting.gatewayStatus]).toEqual([false, 'uninitialized']);
    // Running nodes keep working.
    expect(await serves()).toBe(true);
    // A Master that starts ends the upgrade that a dead Master left behind.
    await stack.startNode('master-8', { master: true, multiconnect: true });
    await eventually(() => waiting.isReady, 30_000);
    expect(await stack.cluster().upgradeRecord()).toMatchObject({ isUnderWay: false, version: 'v2.57.1' });
  });

  it('by a newer client shuts out older minors, and lets other patches in', async () => {
    const newer = await stack.startNode('master-9', { master: true, multiconnect: true }, undefined, {
      version: 'v2.59.2',
    });
    await eventually(() => newer.isReady, 30_000);
    expect(await stack.cluster().upgradeRecord()).toMatchObject({ version: 'v2.59.2' });
    const start = (container: string, version: string) =>
      stack.startNode(container, { master: false, multiconnect: true }, undefined, { version });
    const [older, patch] = [await start('coreapp-old', 'v2.57.1'), await start('coreapp-patch', 'v2.59.0')];
    await eventually(() => patch.isReady, 30_000);
    expect(await older.failed).toMatchObject({
      code: 'SchemaTooNew',
      message:
        'the database has the schema of v2.59; this client is v2.57.1; run v2.59 or later, or restore a backup from before the upgrade',
    });
    expect(older.isReady).toBe(false);
    // Old nodes keep running beside the new ones, also if they have to join again.
    const running = stack.nodes.get('coreapp-1');
    if (!running) throw new Error('no coreapp-1');
    await stack.cluster().forget([running.id]);
    await eventually(() => !running.isReady);
    await eventually(() => running.isReady);
    const versions = new Set((await stack.cluster().nodes()).map(({ version }) => version));
    expect([...versions].sort()).toEqual(['v2.57.1', 'v2.59.0', 'v2.59.2']);
    // The shard of a node that was forgotten goes to whom the next round of the Master chooses.
    await eventually(serves);
  });

  it('shows in /v1/support what each node runs, and in meta what the Webapp runs', async () => {
    // A node is asked on its port `control`, which opens when it has joined.
    const nodes = await eventually(async () => {
      const all = await client.support.nodes(session, never);
      return ['coreapp-1', 'coreapp-patch', 'master-9'].every((name) => versionIn(all, name))
        ? all
        : undefined;
    });
    const versionOf = (container: string) => versionIn(nodes, container);
    expect([versionOf('coreapp-1'), versionOf('coreapp-patch'), versionOf('master-9')]).toEqual([
      'v2.57.1',
      'v2.59.0',
      'v2.59.2',
    ]);
    await stack.startWebapp(true, { version: 'v2.59.2' });
    const shownBy = async (index: number) => {
      const headers = { authorization: `Bearer ${session.token}` };
      const paths = ['/v1/health', '/v1/nowhere', '/v1/settings/application'];
      const answers = await Promise.all(
        paths.map((path) => apiCall(stack.address(index), { method: 'GET', path, headers })),
      );
      return answers.map(({ json }) => json.meta.version);
    };
    // What a node answered shows the version without the letter.
    expect(await shownBy(0)).toEqual(['2.57.1', 'v2.57.1', '2.57.1']);
    expect(await shownBy(1)).toEqual(['2.59.2', 'v2.59.2', '2.59.2']);
  });
});
