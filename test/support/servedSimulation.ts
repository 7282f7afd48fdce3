import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { systemClock } from '../../src/base/clock.ts';
import { ApiError } from '../../src/engine/kube/apiError.ts';
import type { Credentials } from '../../src/engine/kube/credentials.ts';
import type { KubeRequest } from '../../src/engine/kube/transport.ts';
import type { SimulatedApiServer } from '../../src/engine/simulation/simulatedApiServer.ts';
import { SimulatedTransport } from '../../src/engine/simulation/simulatedTransport.ts';
import { startHttpsServer } from './httpsServer.ts';

export interface ServedSimulation {
  readonly credentials: Credentials;
  /** Requests that arrived and change something. */
  readonly writes: readonly { readonly method: string; readonly path: string }[];
  close(): Promise<void>;
}

/**
 * A simulated API server behind HTTPS, for what brings its own transport.
 * @param isAnswered requests for which it is false stay without an answer
 */
export async function serveSimulation(
  server: SimulatedApiServer,
  isAnswered: (request: KubeRequest) => boolean,
): Promise<ServedSimulation> {
  const writes: { method: string; path: string }[] = [];
  const transport = new SimulatedTransport({ server, clock: systemClock });
  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    const request = await parsed(incoming);
    if (request.method !== 'GET') writes.push({ method: request.method, path: request.path });
    if (!isAnswered(request)) return;
    const closed = new AbortController();
    response.on('close', () => closed.abort());
    try {
      if (request.query?.watch === true)
        for await (const line of transport.stream(request, closed.signal)) response.write(`${line}\n`);
      else response.write(JSON.stringify(await transport.request(request, closed.signal)));
    } catch (error) {
      if (closed.signal.aborted) return;
      // What is not simulated is not served.
      const { status, code } = error instanceof ApiError ? error : { status: 404, code: 'NotFound' };
      response.statusCode = status;
      response.write(JSON.stringify({ kind: 'Status', code: status, reason: code, message: String(error) }));
    }
    response.end();
  };
  const https = await startHttpsServer((incoming, response) => void answer(incoming, response));
  return {
    credentials: {
      server: https.url,
      namespace: 'default',
      identity: async () => ({ revision: 'r', tls: { ca: https.caPem } }),
    },
    writes,
    close: https.close,
  };
}

const WORDS: Readonly<Record<string, boolean>> = { true: true, false: false };

async function parsed(incoming: IncomingMessage): Promise<KubeRequest> {
  const { pathname, searchParams } = new URL(incoming.url ?? '/', 'https://api');
  const body = await text(incoming);
  const { accept, 'content-type': contentType } = incoming.headers;
  return {
    method: incoming.method as KubeRequest['method'],
    path: pathname,
    query: Object.fromEntries([...searchParams].map(([key, value]) => [key, WORDS[value] ?? value])),
    ...(body === '' ? {} : { body: JSON.parse(body) as unknown }),
    ...(contentType ? { contentType } : {}),
    ...(accept ? { accept } : {}),
  };
}
