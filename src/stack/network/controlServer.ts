import { serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { Json } from '../http/openApi.ts';
import { controlCalls, serveControlApi, withControlApi } from './control/controlApi.ts';
import { CONTROL_COOKIE, type ControlAccess, controlRefusal, isToken } from './control/controlGuard.ts';
import { errorHelp, errorIndex, errorPage } from './help/errorPage.ts';
import { llmsText } from './help/llmsText.ts';
import type { Network } from './network.ts';
import { servePage } from './page/servePage.ts';

export interface ControlServerOptions extends ControlAccess {
  readonly host: string;
  readonly port: number;
  /** OpenAPI document of the emulated API; the paths of the control API are added. */
  readonly openApi: Json;
  /** Of the API's certificate, if it is known here. */
  readonly caPem?: string;
}

/** Serves the page and the control API of the simulation on a port of its own. */
export function startControlServer(
  network: Network,
  { host, port, ...options }: ControlServerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const { fetch } = createControlApp(network, options);
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
export function createControlApp(
  network: Network,
  { openApi, caPem, ...access }: Omit<ControlServerOptions, 'host' | 'port'>,
): Hono {
  const calls = { calls: controlCalls() };
  const document = withControlApi(openApi);
  const app = new Hono();
  app.use('*', async (context, next) => {
    const signedIn = signIn(context, access);
    if (signedIn) return signedIn;
    const refusal = controlRefusal(requestOf(context), access);
    return refusal ? context.json({ error: refusal.error }, refusal.status) : next();
  });
  servePage(app, (context) => context.json(calls));
  app.get('/calls', (context) => context.json(calls));
  app.get('/openapi.json', (context) => context.json(document));
  if (caPem !== undefined)
    app.get('/ca.pem', (context) => context.body(caPem, 200, { 'content-type': 'application/x-pem-file' }));
  app.get('/errors', (context) => context.html(errorIndex()));
  app.get('/errors/:code', (context) => {
    const help = errorHelp(Number(context.req.param('code')));
    if (!help) return context.json({ error: `there is no error ${context.req.param('code')}` }, 404);
    const isForPeople = context.req.header('accept')?.includes('text/html');
    return isForPeople ? context.html(errorPage(help)) : context.json(help);
  });
  app.get('/llms.txt', (context) => context.text(llmsText()));
  app.get('/healthz', (context) => context.text('ok'));
  serveControlApi(app, network);
  return app;
}

/** The page of somebody who opened `/?token=…`: the token moves from the address to a cookie. */
function signIn(context: Context, { token }: ControlAccess): Response | undefined {
  const { path, method } = context.req;
  if (token === undefined || path !== '/' || method !== 'GET') return undefined;
  if (!isToken(context.req.query('token'), token)) return undefined;
  const cookie = `${CONTROL_COOKIE}=${token}; Path=/; HttpOnly; SameSite=Strict`;
  return context.body(null, 303, { location: '/', 'set-cookie': cookie, 'cache-control': 'no-store' });
}

/** A request without a header `host`, which no HTTP/1.1 client sends, is for the host of its URL. */
const requestOf = ({ req, env }: Context) => ({
  method: req.method,
  path: req.path,
  peer: (env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming?.socket
    ?.remoteAddress,
  header: (name: string) => req.header(name) ?? (name === 'host' ? new URL(req.url).host : undefined),
});
