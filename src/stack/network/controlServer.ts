import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import type { Json } from '../http/openApi.ts';
import { controlCalls, serveControlApi, withControlApi } from './control/controlApi.ts';
import type { Network } from './network.ts';
import script from './page/page.client.js';
import page from './page/page.html';

export interface ControlServerOptions {
  readonly host: string;
  readonly port: number;
  /** OpenAPI document of the emulated API; the paths of the control API are added. */
  readonly openApi: Json;
}

/** Serves the page and the control API of the simulation on a port of its own. */
export function startControlServer(
  network: Network,
  { host, port, openApi }: ControlServerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const { fetch } = createControlApp(network, openApi);
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: host, port }, (address) =>
      resolve({
        port: address.port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            if ('closeAllConnections' in server) server.closeAllConnections();
          }),
      }),
    );
    server.once('error', reject);
  });
}

/** The page, its script, the control API, and what describes it. */
export function createControlApp(network: Network, openApi: Json): Hono {
  const calls = { calls: controlCalls() };
  const document = withControlApi(openApi);
  const app = new Hono();
  app.get('/', (context) =>
    context.req.header('accept')?.includes('text/html') ? context.html(page) : context.json(calls),
  );
  app.get('/page.client.js', (context) => context.body(script, 200, { 'content-type': 'text/javascript' }));
  app.get('/calls', (context) => context.json(calls));
  app.get('/openapi.json', (context) => context.json(document));
  app.get('/healthz', (context) => context.text('ok'));
  serveControlApi(app, network);
  return app;
}
