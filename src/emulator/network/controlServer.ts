import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { z } from 'zod';
import { normaliseRecipient } from '../../onprem/messages.ts';
import type { Network } from './network.ts';

const inbound = z.object({
  from: z.string(),
  text: z.string().min(1).max(65_536),
  profileName: z.string().max(256).optional(),
});

/** The page and API of the simulation, on a port of its own: people write, codes are read, state is seen. */
export async function startControlServer(
  network: Network,
  options: { host: string; port: number },
): Promise<{ port: number; close(): Promise<void> }> {
  const app = new Hono();
  app.get('/', (context) =>
    context.json({
      calls: ['GET /numbers', 'POST /numbers/{number}/messages {"from","text","profileName"?}'],
    }),
  );
  app.get('/healthz', (context) => context.text('ok'));
  app.get('/numbers', (context) =>
    context.json({
      numbers: [...network.state.numbers].map(([number, state]) => ({
        number,
        vname: state.vname,
        registered: state.registrationKey !== undefined,
        registrations: state.registrations,
        codeRequests: state.codeRequests,
        code: state.code,
        pendingEvents: state.events.length,
      })),
    }),
  );
  app.post('/numbers/:number/messages', async (context) => {
    const number = normaliseRecipient(context.req.param('number'));
    const body = inbound.safeParse(await context.req.json().catch(() => undefined));
    const from = body.success ? normaliseRecipient(body.data.from) : undefined;
    if (!number || !body.success || !from) {
      return context.json({ error: 'needs {"from": "<number>", "text": "..."}' }, 400);
    }
    if (!network.state.numbers.get(number)?.registrationKey) {
      return context.json({ error: `${number} is not registered` }, 404);
    }
    const id = await network.receiveFromPerson({ ...body.data, from, to: number });
    return context.json({ id }, 201);
  });
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: options.host, port: options.port }, ({ port }) =>
      resolve({
        port,
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
