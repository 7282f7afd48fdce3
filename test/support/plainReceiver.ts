import { createServer } from 'node:http';
import { listen } from '../../src/base/ports.ts';
import type { Callback } from '../../src/onprem/webhook.ts';

/** Takes the callbacks of a laptop over plain HTTP. */
export async function startPlainReceiver() {
  const callbacks: Callback[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += String(chunk);
    });
    request.on('end', () => {
      callbacks.push(JSON.parse(text) as Callback);
      response.end();
    });
  });
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  return {
    url: `http://127.0.0.1:${port}/hook`,
    callbacks,
    statuses: () => callbacks.flatMap(({ statuses = [] }) => statuses),
    messages: () => callbacks.flatMap(({ messages = [] }) => messages),
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
