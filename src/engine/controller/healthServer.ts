import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { listen } from '../../base/ports.ts';

export interface HealthServerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly registry: Registry;
  /** Further lines for `/metrics`. */
  readonly moreMetrics?: (() => string) | undefined;
  /** Problems that only a restart solves: the kubelet restarts the pod. Empty if alive. */
  readonly liveness: () => readonly string[];
  /** What the process still waits for. Empty if ready. */
  readonly readiness: () => readonly string[];
}

/** `/healthz`, `/readyz` and `/metrics`. */
export async function startHealthServer(
  options: HealthServerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const { registry, liveness, readiness } = options;
  const server: Server = createServer(async (request, response) => {
    const answer = (problems: readonly string[]) => {
      response.writeHead(problems.length === 0 ? 200 : 503, { 'content-type': 'text/plain' });
      response.end(problems.length === 0 ? 'ok\n' : `${problems.join('\n')}\n`);
    };
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        return answer(liveness());
      case '/readyz':
        return answer(readiness());
      case '/metrics':
        try {
          const text = (await registry.metrics()) + (options.moreMetrics?.() ?? '');
          response.writeHead(200, { 'content-type': registry.contentType }).end(text);
        } catch (error) {
          // Without an answer, a scrape would wait until its own deadline, and nobody would know why.
          response.writeHead(500, { 'content-type': 'text/plain' }).end(`${String(error)}\n`);
        }
        return;
      default:
        response.writeHead(404).end();
    }
  });
  const port = await listen(server, options);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
