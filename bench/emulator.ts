import { createConnection } from 'node:net';
import { spawnBound } from '../src/base/childProcess.ts';
import { freePort } from '../src/base/ports.ts';
import { eventually } from '../test/support/eventually.ts';
import { CUSTOMER, startBenchStack } from './benchStack.ts';
import { httpsLoad } from './httpsLoad.ts';
import { cpuSeconds } from './processCpu.ts';

const SECONDS = 10;
/** Load before the measurement, so that the code is compiled; for the bare server too. */
const WARM_UP_SECONDS = 5;
const CONNECTIONS = 64;
const ROLES = ['webapp-0', 'coreapp-0', 'database', 'network'];

/** Messages per second through one Webapp and one Coreapp, accepted and committed, beside a bare HTTPS server. */
export async function benchEmulator(): Promise<[string, string][]> {
  // With the documented limits on, they would be the result.
  const stack = await startBenchStack(['coreapp-0'], { isSingle: true, rateLimits: false });
  try {
    const { processes, address, session, pair, caPem } = stack;
    const headers = { authorization: `Bearer ${session.token}` };
    const body = (index: number) =>
      JSON.stringify({ to: CUSTOMER, type: 'text', text: { body: `message ${index}` } });
    const common = { path: '/v1/messages', headers, body, connections: CONNECTIONS };
    const warm = { ...common, seconds: WARM_UP_SECONDS };
    const measured = { ...common, seconds: SECONDS };
    const bare = await bareServer(pair.certificatePem, pair.privateKeyPem, async (port) => {
      const target = { host: '127.0.0.1', port, ca: caPem };
      await httpsLoad({ ...warm, ...target });
      return httpsLoad({ ...measured, ...target });
    });
    const { caPem: ca, ...target } = address;
    await httpsLoad({ ...warm, ...target, ca });
    const before = stack.callbacks();
    const used = () => ROLES.map((role) => cpuSeconds(processes.pid(role)));
    const [cpuBefore, ownBefore] = [used(), process.cpuUsage()];
    const load = await httpsLoad({ ...measured, ...target, ca });
    const cpuAfter = used();
    const during = (stack.callbacks() - before) / SECONDS;
    const { user, system } = process.cpuUsage(ownBefore);
    const eachMs = (seconds: number) => ((seconds * 1000) / load.accepted).toFixed(2);
    const cpu = ROLES.map(
      (role, index) => `${role} ${eachMs((cpuAfter[index] ?? 0) - (cpuBefore[index] ?? 0))}`,
    );
    const share = (value: number) =>
      `${value.toFixed(0)}/s (${((value / bare.perSecond) * 100).toFixed(0)} % of a bare HTTPS server)`;
    const { messages, callbacks } = await backlog(stack);
    return [
      ['bare Node HTTPS server, same load', `${bare.perSecond.toFixed(0)}/s, ${bare.failed} failed`],
      ['messages accepted and committed (no rate limits)', share(load.perSecond)],
      [
        '  answer time p50 / p99',
        `${load.p50Ms.toFixed(0)} / ${load.p99Ms.toFixed(0)} ms, ${load.failed} failed`,
      ],
      ['  webhooks delivered meanwhile', share(during)],
      ['  backlog at the end', `${messages} messages, ${callbacks} callbacks`],
      ['  CPU ms a message', `${cpu.join(', ')}, load and receiver ${eachMs((user + system) / 1e6)}`],
      ['  webhooks delivered when nothing is sent', share(await drainRate(stack))],
    ];
  } finally {
    await stack.close();
  }
}

/** Messages and callbacks that wait in the database. */
async function backlog({ client, session }: Awaited<ReturnType<typeof startBenchStack>>) {
  const stats = await client.stats.nodes(session, 'db', new AbortController().signal);
  const value = (name: string) => Object.values(stats)[0]?.[name]?.data[0]?.value ?? 0;
  return { messages: value('db_pending_messages'), callbacks: value('db_pending_callbacks') };
}

/** Callbacks per second while the stack works off a backlog. */
async function drainRate(stack: Awaited<ReturnType<typeof startBenchStack>>): Promise<number> {
  const [startedAt, before] = [performance.now(), stack.callbacks()];
  await new Promise((done) => setTimeout(done, 5_000));
  return ((stack.callbacks() - before) * 1000) / (performance.now() - startedAt);
}

/** Runs a bare HTTPS server in a process of its own, like the Webapp that it is compared with. */
async function bareServer<T>(cert: string, key: string, use: (port: number) => Promise<T>): Promise<T> {
  const port = await freePort();
  const program = `
    require('node:https').createServer({ cert: process.env.CERT, key: process.env.KEY }, (request, response) => {
      let body = ''; request.on('data', (chunk) => { body += chunk; });
      request.on('end', () => { JSON.parse(body); response.writeHead(201, { 'content-type': 'application/json' }); response.end('{"messages":[{"id":"x"}]}'); });
    }).listen(${port}, '127.0.0.1');`;
  const child = spawnBound([process.execPath, '-e', program], {
    env: { ...process.env, CERT: cert, KEY: key },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    // The load must not start before the server listens.
    await eventually(
      () =>
        new Promise<boolean>((done) => {
          const socket = createConnection({ host: '127.0.0.1', port }, () => {
            socket.destroy();
            done(true);
          });
          socket.once('error', () => done(false));
        }),
    );
    return await use(port);
  } finally {
    child.kill('SIGKILL');
  }
}
