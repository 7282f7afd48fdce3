import { existsSync } from 'node:fs';
import { createServer } from 'node:https';
import { type Clock, sleep } from '../../base/clock.ts';
import { listen } from '../../base/ports.ts';
import type { ClusterPki } from '../clusterPki.ts';
import { type LogQuery, readLog } from './containerLog.ts';

export interface LogServerOptions {
  readonly pki: ClusterPki;
  readonly host: string;
  readonly clock: Clock;
  /** Path of the log of the current or previous run of a container; undefined for an unknown container. */
  readonly find: (namespace: string, pod: string, container: string, previous: boolean) => string | undefined;
}

const FOLLOW_MS = 200;

/** Serves `kubectl logs`: the API server asks the Node, with its own client certificate. */
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
        return void response.writeHead(404).end(`container ${container} of pod ${pod} has no log\n`);
      response.writeHead(200, { 'content-type': 'text/plain' });
      const query = parseQuery(url.searchParams, clock.now());
      try {
        let { text, offset } = await readLog(path, 0, query);
        response.write(text);
        while (url.searchParams.get('follow') === 'true' && !stop.signal.aborted && !response.destroyed) {
          await sleep(clock, FOLLOW_MS, stop.signal).catch(() => {});
          ({ text, offset } = await readLog(path, offset, { timestamps: query.timestamps }));
          response.write(text);
        }
      } catch {
        // The pod was deleted with its log.
      }
      response.end();
    },
  );
  const port = await listen(server, { host, port: 0 });
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        stop.abort(new Error('stopped'));
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function parseQuery(parameters: URLSearchParams, nowMs: number): LogQuery & { timestamps: boolean } {
  const number = (name: string) => (parameters.has(name) ? Number(parameters.get(name)) : undefined);
  const sinceSeconds = number('sinceSeconds');
  const sinceTime = parameters.get('sinceTime');
  return {
    tailLines: number('tailLines'),
    timestamps: parameters.get('timestamps') === 'true',
    sinceMs: sinceTime ? Date.parse(sinceTime) : sinceSeconds && nowMs - sinceSeconds * 1_000,
  };
}
