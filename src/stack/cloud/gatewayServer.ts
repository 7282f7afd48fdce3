import { createServer, type IncomingMessage } from 'node:http';
import { describeError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { listen } from '../../base/ports.ts';
import { GATEWAY_PATHS, type GatewayStatus } from '../../cloud/gatewayStatus.ts';
import { controlRefusal } from '../network/control/controlGuard.ts';

export interface GatewayServerOptions {
  readonly host: string;
  readonly port: number;
  /** Read for each request. Without a token the port has only the check of health. */
  readonly token: () => string | undefined;
  readonly status: () => GatewayStatus;
  /** In the format of Prometheus. */
  readonly metrics: () => Promise<string>;
  /** @returns whether nothing is subscribed any more */
  readonly unsubscribe: () => Promise<boolean>;
  readonly logger: Logger;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

const METHODS: Readonly<Record<string, string>> = {
  [GATEWAY_PATHS.health]: 'GET',
  [GATEWAY_PATHS.status]: 'GET',
  [GATEWAY_PATHS.metrics]: 'GET',
  [GATEWAY_PATHS.unsubscribe]: 'POST',
};
const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The control port of a gateway, which is never exposed: see `gatewayStatus.ts`. */
export async function startGatewayServer(
  options: GatewayServerOptions,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    answer(request, options)
      .catch((error: unknown): Answer => {
        options.logger.error('a call of the control port failed', { error });
        return { status: 500, text: describeError(error) };
      })
      .then(({ status, text, type = TEXT }) => {
        response.writeHead(status, { 'content-type': type });
        response.end(text);
      });
  });
  const port = await listen(server, { host: options.host, port: options.port });
  return {
    port,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, options: GatewayServerOptions): Promise<Answer> {
  const { pathname: path } = new URL(request.url ?? '/', 'http://gateway');
  const method = METHODS[path];
  const token = options.token();
  if (method === undefined || (path !== GATEWAY_PATHS.health && token === undefined))
    return { status: 404, text: 'not found' };
  const header = (name: string) => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const asked = { method: request.method ?? '', path, peer: request.socket.remoteAddress, header };
  const refusal = controlRefusal(asked, { token });
  if (refusal) return { status: refusal.status, text: refusal.error };
  if (request.method !== method) return { status: 405, text: `call ${path} with ${method}` };
  switch (path) {
    case GATEWAY_PATHS.health:
      return { status: 200, text: 'ok' };
    case GATEWAY_PATHS.metrics:
      return { status: 200, text: await options.metrics(), type: METRICS_TYPE };
    case GATEWAY_PATHS.unsubscribe:
      return json((await options.unsubscribe()) ? 200 : 502, options.status());
    default:
      return json(200, options.status());
  }
}

const json = (status: number, value: GatewayStatus): Answer => ({
  status,
  text: JSON.stringify(value),
  type: JSON_TYPE,
});
