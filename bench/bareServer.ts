import { createConnection } from 'node:net';
import { spawnBound } from '../src/base/childProcess.ts';
import type { KeyPair } from '../src/base/pki/certificates.ts';
import { freePort } from '../src/base/ports.ts';
import { eventually } from '../test/support/eventually.ts';

export interface BareServer {
  readonly port: number;
  readonly pid: number;
  close(): void;
}

/** A bare HTTPS server in a process of its own, like the Webapp that it is compared with. */
export async function startBareServer({ certificatePem, privateKeyPem }: KeyPair): Promise<BareServer> {
  const port = await freePort();
  const program = `
    require('node:https').createServer({ cert: process.env.CERT, key: process.env.KEY }, (request, response) => {
      let body = ''; request.on('data', (chunk) => { body += chunk; });
      request.on('end', () => { JSON.parse(body); response.writeHead(201, { 'content-type': 'application/json' }); response.end('{"messages":[{"id":"x"}]}'); });
    }).listen(${port}, '127.0.0.1');`;
  const child = spawnBound([process.execPath, '-e', program], {
    env: { ...process.env, CERT: certificatePem, KEY: privateKeyPem },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // The load must not start before the server listens.
  await eventually(() => answers(port));
  return { port, pid: child.pid ?? 0, close: () => void child.kill('SIGKILL') };
}

/** Whether something accepts connections on a port of this machine. */
const answers = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
