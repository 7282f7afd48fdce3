import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Credentials } from '../../src/engine/kube/credentials.ts';
import { startHttpsServer } from './httpsServer.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly isWatch: boolean;
  /** First word of the user agent, which identifies the client. */
  readonly agent: string;
}

/** The fault of a request; none by default. */
export interface ProxyFault {
  /** Delay before the request is passed on. */
  readonly delayMs?: number;
  /** Delay before the answer is passed back. */
  readonly answerDelayMs?: number;
  /** The proxy answers with this status. */
  readonly status?: number;
  readonly retryAfterSeconds?: number;
  /** The proxy answers with this text instead of asking the server, as a kubelet does for a log. */
  readonly text?: string;
  /** Breaks the connection `before` or `after` the server has acted. */
  readonly cut?: 'before' | 'after';
  /** For a watch: the connection breaks after this time. */
  readonly cutAfterMs?: number;
  /** For a watch: the delay of each chunk. */
  readonly lagMs?: number;
}

export interface FaultProxy {
  readonly credentials: Credentials;
  fault: (asked: Asked) => ProxyFault;
  /** All requests that arrived, with their times. */
  readonly log: (Asked & { readonly atMs: number })[];
  readonly caPem: string;
  close(): Promise<void>;
}

/** An HTTPS proxy in front of a real API server that delays, cuts and refuses requests. */
export async function startFaultProxy(upstream: Credentials): Promise<FaultProxy> {
  const { tls } = await upstream.identity();
  const agent = new Agent({ ...tls, keepAlive: true });
  const anonymousAgent = new Agent({ ca: tls.ca, keepAlive: true });
  const log: FaultProxy['log'] = [];
  const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const asked: Asked = {
      method: request.method ?? '',
      path: request.url ?? '',
      isWatch: request.url?.includes('watch=true') ?? false,
      agent: request.headers['user-agent']?.split(/[/ ]/)[0] ?? '',
    };
    log.push({ ...asked, atMs: Date.now() });
    const fault = proxy.fault(asked);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (fault.delayMs) await wait(fault.delayMs);
    if (fault.cut === 'before') return void response.destroy();
    if (fault.text !== undefined)
      return void response.writeHead(200, { 'content-type': 'text/plain' }).end(fault.text);
    if (fault.status) {
      const body = {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        code: fault.status,
        message: 'by the proxy',
      };
      const retryAfter =
        fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) };
      return void response
        .writeHead(fault.status, { 'content-type': 'application/json', ...retryAfter })
        .end(JSON.stringify(body));
    }
    const { host: _, connection: __, ...headers } = request.headers;
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const passed = httpsRequest(
        new URL(asked.path, upstream.server),
        // A request with a token must not also present the client certificate.
        { method: asked.method, headers, agent: headers.authorization ? anonymousAgent : agent },
        resolve,
      );
      passed.on('error', reject);
      // When the client disconnects, end its watch at the server too.
      response.on('close', () => passed.destroy());
      passed.end(Buffer.concat(chunks));
    });
    if (fault.answerDelayMs) await wait(fault.answerDelayMs);
    if (fault.cut === 'after') return void response.destroy();
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    if (!asked.isWatch) return void answer.pipe(response);
    response.flushHeaders();
    if (fault.cutAfterMs) setTimeout(() => response.destroy(), fault.cutAfterMs);
    for await (const chunk of answer) {
      if (fault.lagMs) await wait(fault.lagMs);
      response.write(chunk);
    }
    response.end();
  };
  const { url, caPem, close } = await startHttpsServer(
    (request, response) => void serve(request, response).catch(() => response.destroy()),
  );
  const proxy: FaultProxy = {
    credentials: {
      server: url,
      namespace: 'default',
      identity: async () => ({ revision: 'proxy', tls: { ca: caPem } }),
    },
    fault: () => ({}),
    log,
    caPem,
    close: () => {
      agent.destroy();
      anonymousAgent.destroy();
      return close();
    },
  };
  return proxy;
}
