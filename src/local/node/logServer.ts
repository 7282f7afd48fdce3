import { createReadStream, existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { ClusterPki } from '../clusterPki.ts';

export interface LogServerOptions {
  readonly pki: ClusterPki;
  readonly host: string;
  readonly clock: Clock;
  /** Log of the container's current or previous life; nothing for an unknown one. */
  readonly find: (namespace: string, pod: string, container: string, previous: boolean) => string | undefined;
}

const FOLLOW_MS = 200;

/** `kubectl logs`: the API server asks the node, with its own client certificate. */
export async function startLogServer(
  options: LogServerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const { pki, host, clock, find } = options;
  const stop = new AbortController();
  const server = createServer(
    {
      cert: pki.node.certificatePem,
      key: pki.node.privateKeyPem,
      ca: pki.authority.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
    },
    async (request, response) => {
      const url = new URL(request.url ?? '/', 'https://node');
      const [, verb, namespace = '', pod = '', container = ''] = url.pathname.split('/');
      const path =
        verb === 'containerLogs'
          ? find(namespace, pod, container, url.searchParams.get('previous') === 'true')
          : undefined;
      if (!path || !existsSync(path))
        return void response.writeHead(404).end(`no log of ${pod}/${container}\n`);
      response.writeHead(200, { 'content-type': 'text/plain' });
      const tail = url.searchParams.get('tailLines');
      let offset = await send(path, tail === null ? undefined : Number(tail), response);
      while (url.searchParams.get('follow') === 'true' && !stop.signal.aborted && !response.destroyed) {
        await sleep(clock, FOLLOW_MS, stop.signal).catch(() => {});
        const size = existsSync(path) ? statSync(path).size : offset;
        if (size > offset) offset = await stream(path, offset, size, response);
      }
      response.end();
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        stop.abort(new Error('stopped'));
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Sends what is there, or its last lines; returns up to where. */
async function send(path: string, tailLines: number | undefined, response: ServerResponse): Promise<number> {
  const content = await readFile(path);
  if (tailLines === undefined) response.write(content);
  else {
    const lines = content.toString('utf8').split('\n');
    const complete = lines.at(-1) === '' ? lines.slice(0, -1) : lines;
    response.write(
      tailLines === 0
        ? ''
        : complete
            .slice(-tailLines)
            .map((line) => `${line}\n`)
            .join(''),
    );
  }
  return content.length;
}

async function stream(path: string, from: number, to: number, response: ServerResponse): Promise<number> {
  for await (const chunk of createReadStream(path, { start: from, end: to - 1 })) response.write(chunk);
  return to;
}
