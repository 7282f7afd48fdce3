import { createServer } from 'node:http';
import { listen } from '../../src/base/ports.ts';
import { type ReceivedSpan, receivedSpans } from './receivedSpans.ts';

/** A collector that takes OTLP as JSON over HTTP, and keeps what it was sent. */
export async function startTraceCollector() {
  const spans: ReceivedSpan[] = [];
  const bodies: string[] = [];
  const headers: (string | undefined)[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    headers.push(request.headers.authorization);
    spans.push(...receivedSpans(body));
    response.setHeader('content-type', 'application/json').end('{}');
  });
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    /** What arrived, as texts. */
    bodies,
    /** The header Authorization of each request. */
    headers,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
