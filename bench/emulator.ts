import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { StackClient } from '../src/client/stackClient.ts';
import { HttpsStackTransport } from '../src/client/stackTransport.ts';
import { codeHash, encodeCertificate } from '../src/onprem/emulatorCertificate.ts';
import { createAuthority, issueCertificate } from '../src/pki/certificates.ts';
import { startPostgres } from '../src/postgres/embeddedPostgres.ts';
import { readAuthority } from '../src/reconcile/webappAuthority.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { freePort } from '../src/runtime/ports.ts';
import { httpsLoad } from './httpsLoad.ts';

const never = new AbortController().signal;
const NUMBER = '16315551000';
const CUSTOMER = '16505551234';
const PASSWORD = 'Passw0rd!-bench';
const SECONDS = 10;
const CONNECTIONS = 64;

/** Messages per second through one Webapp and one Coreapp, accepted and committed, beside a bare HTTPS server. */
export async function benchEmulator(): Promise<[string, string][]> {
  const folder = await mkdtemp(join(tmpdir(), 'waba-bench-'));
  const [databasePort, networkPort, controlPort] = [await freePort(), await freePort(), await freePort()];
  const postgres = await startPostgres(
    {
      dataFolder: join(folder, 'data'),
      host: '127.0.0.1',
      port: databasePort,
      username: 'waba',
      password: 'bench',
      clock: systemClock,
    },
    never,
  );
  const base = {
    ...process.env,
    WA_DB_ENGINE: 'PGSQL',
    WA_DB_HOSTNAME: '127.0.0.1',
    WA_DB_PORT: String(databasePort),
    WA_DB_USERNAME: 'waba',
    WA_DB_PASSWORD: 'bench',
    // The documented limits would be measured otherwise.
    WABA_RATE_LIMITS: '0',
    WABA_MEDIA_PATH: join(folder, 'wamedia'),
    WABA_NETWORK_URL: `tcp://127.0.0.1:${networkPort}`,
    NODE_OPTIONS: `--require ${resolve('dist/podNetwork.cjs')}`,
    WABA_LOCAL_LOW_PORT_OFFSET: '20000',
  };
  const run = (args: string[], env: NodeJS.ProcessEnv) =>
    spawn(process.execPath, [resolve('dist/emulator.js'), ...args], {
      env,
      stdio: ['ignore', 'ignore', 'ignore'],
    });
  const [coreHost, webHost] = ['127.250.0.2', '127.250.0.3'];
  const startCoreapp = () =>
    run(['coreapp'], {
      ...base,
      WABA_LOCAL_POD_IP: coreHost,
      COREAPP_HOSTNAME: coreHost,
      WA_TCP_LISTEN_ADDRESS: 'any',
      HOSTNAME: 'coreapp',
    });
  const children = [
    run(
      [
        'network',
        '--host',
        '127.0.0.1',
        '--port',
        String(networkPort),
        '--control-port',
        String(controlPort),
        '--data',
        join(folder, 'network'),
      ],
      process.env,
    ),
    startCoreapp(),
    run(['webapp'], {
      ...base,
      WABA_LOCAL_POD_IP: webHost,
      WACORE_HOSTNAME: coreHost,
      WA_WEB_SERVERNAME: webHost,
    }),
  ];
  const authority = await createAuthority({ subject: 'CN=bench CA' });
  const pair = await issueCertificate(authority, {
    commonName: 'bench',
    hosts: ['127.0.0.1'],
    usage: 'server',
  });
  let callbacks = 0;
  const receiver = createServer(
    { cert: pair.certificatePem, key: pair.privateKeyPem },
    (request, response) => {
      request.resume();
      callbacks += 1;
      response.end();
    },
  );
  const receiverPort = await freePort();
  await new Promise<void>((done) => receiver.listen(receiverPort, '127.0.0.1', done));
  try {
    const port = 20_443;
    const ca = await retry(() => readAuthority({ addresses: [webHost], port, serverName: webHost }, never));
    const client = new StackClient(new HttpsStackTransport({ host: webHost, port, ca, serverName: '' }));
    const session = await retry(() =>
      client
        .login('admin', PASSWORD, {}, never)
        .catch(() => client.login('admin', 'secret', { newPassword: PASSWORD }, never)),
    );
    await retry(() => client.setWebhookCa(session, authority.certificatePem, never));
    await retry(() =>
      client.patchSettings(
        session,
        {
          webhooks: {
            url: `https://127.0.0.1:${receiverPort}/`,
            max_concurrent_requests: 24,
            message: { sent: true },
          },
        },
        never,
      ),
    );
    // The CA takes effect when the Coreapp starts again.
    children[1]?.kill('SIGKILL');
    children[1] = startCoreapp();
    await retry(async () => void (await client.settings(session, never)));
    const cert = encodeCertificate({ vname: 'Bench', number: NUMBER, codeHash: codeHash('123456') });
    await client.requestCode(session, { cc: '1', phone_number: NUMBER.slice(1), method: 'sms', cert }, never);
    await client.verifyCode(session, '123456', never);
    await retry(async () => {
      if (Object.values(await client.health(session, never))[0]?.gateway_status !== 'connected')
        throw new Error('not connected');
    });
    await retry(() =>
      fetch(`http://127.0.0.1:${controlPort}/numbers/${NUMBER}/messages`, {
        method: 'POST',
        body: JSON.stringify({ from: CUSTOMER, text: 'Hi' }),
      }),
    );

    const headers = { authorization: `Bearer ${session.token}` };
    const body = (index: number) =>
      JSON.stringify({ to: CUSTOMER, type: 'text', text: { body: `message ${index}` } });
    const common = { path: '/v1/messages', headers, body, connections: CONNECTIONS, seconds: SECONDS };
    const bare = await bareServer(pair.certificatePem, pair.privateKeyPem, async (barePort) =>
      httpsLoad({ ...common, host: '127.0.0.1', port: barePort, ca: authority.certificatePem }),
    );
    const before = callbacks;
    const load = await httpsLoad({ ...common, host: webHost, port, ca, serverName: '' });
    const during = (callbacks - before) / SECONDS;
    const share = (value: number) =>
      `${value.toFixed(0)}/s (${((value / bare.perSecond) * 100).toFixed(0)} % of a bare HTTPS server)`;
    return [
      ['bare Node HTTPS server, same load', `${bare.perSecond.toFixed(0)}/s, ${bare.failed} failed`],
      ['messages accepted and committed (no rate limits)', share(load.perSecond)],
      [
        '  answer time p50 / p99',
        `${load.p50Ms.toFixed(0)} / ${load.p99Ms.toFixed(0)} ms, ${load.failed} failed`,
      ],
      ['  webhooks delivered meanwhile', share(during)],
    ];
  } finally {
    for (const child of children) child.kill('SIGKILL');
    receiver.closeAllConnections();
    receiver.close();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** In a process of its own, like the Webapp that it is compared with. */
async function bareServer<T>(cert: string, key: string, use: (port: number) => Promise<T>): Promise<T> {
  const port = await freePort();
  const program = `
    require('node:https').createServer({ cert: process.env.CERT, key: process.env.KEY }, (request, response) => {
      let body = ''; request.on('data', (chunk) => { body += chunk; });
      request.on('end', () => { JSON.parse(body); response.writeHead(201, { 'content-type': 'application/json' }); response.end('{"messages":[{"id":"x"}]}'); });
    }).listen(${port}, '127.0.0.1');`;
  const child = spawn(process.execPath, ['-e', program], {
    env: { ...process.env, CERT: cert, KEY: key },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    // TLS or not, something must listen before the load begins.
    await retry(
      () =>
        new Promise<void>((done, fail) => {
          const socket = createConnection({ host: '127.0.0.1', port }, () => {
            socket.destroy();
            done();
          });
          socket.once('error', fail);
        }),
    );
    return await use(port);
  } finally {
    child.kill('SIGKILL');
  }
}

async function retry<T>(action: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (attempt > 150) throw error;
      await new Promise((done) => setTimeout(done, 200));
    }
  }
}
