import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exited } from '../../src/base/childProcess.ts';
import { freePort, listen } from '../../src/base/ports.ts';
import { eventually } from './eventually.ts';
import { startHttpsServer } from './httpsServer.ts';

export const BUCKET = 'backups';
const ACCESS_KEY = 'access';
const SECRET_KEY = 'secret-of-the-bucket';

/** What happens to a request instead of its success. */
export interface S3Fault {
  readonly status?: number;
  /** Name of the error in the answer. */
  readonly code?: string;
  readonly delayMs?: number;
  /** The connection breaks after so many bytes of the answer. */
  readonly cutAfterBytes?: number;
  /** The connection breaks before the server sees the request. */
  readonly cut?: true;
}

/** An S3 server of its own (versitygw), and a proxy before it that spoils requests. */
export async function testS3() {
  const folder = await mkdtemp(join(tmpdir(), 'waba-s3-'));
  await mkdir(join(folder, 'root', BUCKET), { recursive: true });
  await mkdir(join(folder, 'credentials'));
  await writeFile(join(folder, 'credentials/accessKeyId'), `${ACCESS_KEY}\n`);
  await writeFile(join(folder, 'credentials/secretAccessKey'), `${SECRET_KEY}\n`);
  const port = await freePort();
  const env = { ...process.env, ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY };
  const server = spawn(
    'versitygw',
    ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', join(folder, 'root')],
    { env, stdio: 'ignore' },
  );
  await eventually(
    () =>
      new Promise<boolean>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.destroy();
          resolve(true);
        });
        socket.once('error', reject);
      }),
  );
  let fault: (request: IncomingMessage) => S3Fault | undefined = () => undefined;
  const proxied = (asked: IncomingMessage, answer: ServerResponse) =>
    void passOn(port, asked, answer, fault(asked));
  const proxy = createServer(proxied);
  const proxyPort = await listen(proxy, { port: 0, host: '127.0.0.1' });
  const endpoint = `http://127.0.0.1:${proxyPort}`;
  return {
    folder,
    /** Where the server keeps the objects below a prefix. */
    objects: (prefix: string) => join(folder, 'root', BUCKET, prefix),
    /** The same bucket behind TLS. */
    tls: () => startHttpsServer(proxied),
    accessKey: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
    /** Of a backup in a folder of the bucket. @param url `server` leaves out the proxy, and with it all faults */
    variables: (prefix: string, url = endpoint): Record<string, string> => ({
      WABA_BACKUP_DESTINATION: `s3://${BUCKET}/${prefix}`,
      WABA_S3_ENDPOINT: url,
      WABA_S3_PATH_STYLE: '1',
      WABA_S3_CREDENTIALS_FOLDER: join(folder, 'credentials'),
    }),
    endpoint,
    server: `http://127.0.0.1:${port}`,
    credentialsFolder: join(folder, 'credentials'),
    /** `undefined` from the function: the request passes. */
    spoil(by: (request: IncomingMessage) => S3Fault | undefined) {
      fault = by;
    },
    async close() {
      proxy.closeAllConnections();
      proxy.close();
      server.kill();
      await exited(server);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type TestS3 = Awaited<ReturnType<typeof testS3>>;

async function passOn(
  port: number,
  asked: IncomingMessage,
  answer: ServerResponse,
  fault: S3Fault = {},
): Promise<void> {
  const {
    status,
    code = 'InternalError',
    delayMs = 0,
    cut,
    cutAfterBytes = Number.POSITIVE_INFINITY,
  } = fault;
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  if (cut) return void asked.socket.destroy();
  if (status !== undefined) {
    asked.resume();
    answer.writeHead(status, { 'content-type': 'application/xml' });
    return void answer.end(`<Error><Code>${code}</Code><Message>as the test wants it</Message></Error>`);
  }
  const { method, url, headers } = asked;
  const passed = request({ port, host: '127.0.0.1', method, path: url, headers }, (response) => {
    answer.writeHead(response.statusCode ?? 500, response.headers);
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= cutAfterBytes) return void answer.write(chunk);
      answer.write(chunk.subarray(0, Math.max(0, chunk.length - (bytes - cutAfterBytes))));
      setTimeout(() => answer.destroy(), 20);
      response.destroy();
    });
    response.on('end', () => answer.end());
  });
  passed.on('error', () => answer.destroy());
  asked.pipe(passed);
}
