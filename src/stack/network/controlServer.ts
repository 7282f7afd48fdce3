import { Readable } from 'node:stream';
import { serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { z } from 'zod';
import { normaliseRecipient } from '../../onprem/messages.ts';
import { apiFault } from '../wire/apiFault.ts';
import { type Behaviour, behaviour, DEFAULT_BEHAVIOUR } from './behaviour.ts';
import { catalog } from './catalog.ts';
import { parseInbound } from './inboundMessage.ts';
import { messagingLimits } from './messagingLimits.ts';
import type { Network } from './network.ts';
import { networkFaults } from './networkFaults.ts';
import script from './page/page.client.js';
import page from './page/page.html';
import { templateEntry } from './templates.ts';

/** What the port can do, for whoever asks it. */
const CALLS = [
  'GET / (in a browser: the page)',
  'GET /openapi.json',
  'GET /numbers',
  'POST /numbers/{number}/messages {"from", "text" | "type" and its content, "profileName"?, "context"?, "referral"?}',
  'GET /numbers/{number}/chats',
  'GET /numbers/{number}/chats/{waId}',
  'PUT /numbers/{number}/templates [{"namespace", "name", "language", "status"?, "bodyParameters"?}]',
  'PUT /numbers/{number}/catalog {"catalogId", "products": [{"retailerId", "status"?}]}',
  'PUT /numbers/{number}/limits {"tier"?, "quality"?}',
  `PUT /numbers/{number}/faults {${Object.keys(networkFaults.shape).join(', ')}}`,
  `PUT /api-faults [{${Object.keys(apiFault.shape).join(', ')}}]`,
  'GET /api-faults',
  'GET /numbers/{number}/recording',
  'PUT /numbers/{number}/recording {"isOn"}',
  'GET /people',
  `PUT /people/{waId} {name, ${Object.keys(behaviour.shape).join(', ')}}`,
  'POST /people/{waId}/identity',
  'POST /people/{waId}/number {"newWaId"}',
  'GET /media/{sha256}',
  'GET /events (server-sent: chats that have changed)',
  'POST /clock {"advanceMs"}',
];
/** Someone who watches hears at least this often that the line is open. */
const KEEP_ALIVE_MS = 15_000;

/** The page and API of the simulation, on a port of its own: people write, codes are read, state is seen. */
export async function startControlServer(
  network: Network,
  options: { host: string; port: number; openApi: Record<string, unknown> },
): Promise<{ port: number; close(): Promise<void> }> {
  const app = new Hono();
  const { state } = network;
  app.get('/', (context) =>
    context.req.header('accept')?.includes('text/html') ? context.html(page) : context.json({ calls: CALLS }),
  );
  app.get('/calls', (context) => context.json({ calls: CALLS }));
  app.get('/page.client.js', (context) => context.body(script, 200, { 'content-type': 'text/javascript' }));
  app.get('/openapi.json', (context) => context.json(options.openApi));
  app.get('/healthz', (context) => context.text('ok'));
  app.get('/events', (context) =>
    streamSSE(context, async (stream) => {
      const end = network.watch((change) => void stream.writeSSE({ data: JSON.stringify(change) }));
      stream.onAbort(end);
      while (!stream.aborted) {
        await stream.writeSSE({ event: 'open', data: '' });
        await stream.sleep(KEEP_ALIVE_MS);
      }
    }),
  );
  app.get('/media/:sha256', async (context) => {
    const content = await network.media.read(context.req.param('sha256'));
    if (!content) return context.json({ error: 'no such media' }, 404);
    return new Response(Readable.toWeb(content) as ReadableStream, {
      headers: {
        'content-type': context.req.query('type') ?? 'application/octet-stream',
        // What businesses and people send is shown, and runs nothing.
        'content-security-policy': 'sandbox',
        'x-content-type-options': 'nosniff',
      },
    });
  });

  app.get('/numbers', (context) =>
    context.json({
      numbers: [...state.numbers].map(([number, known]) => ({
        number,
        vname: known.vname,
        registered: known.registrationKey !== undefined,
        registrations: known.registrations,
        codeRequests: known.codeRequests,
        code: known.code,
        hasPin: known.pin !== undefined,
        limits: state.limits(number),
        pendingEvents: known.events.length,
      })),
    }),
  );
  app.post('/numbers/:number/messages', async (context) => {
    const number = normaliseRecipient(context.req.param('number')) ?? '';
    const message = parseInbound(number, jsonOf(await context.req.text()));
    if ('problem' in message) return context.json({ error: message.problem }, 400);
    if (!state.numbers.get(number)?.registrationKey)
      return context.json({ error: `${number} is not registered` }, 404);
    return context.json({ id: await network.receiveFromPerson(message) }, 201);
  });
  app.get('/numbers/:number/chats', (context) =>
    context.json({
      chats: state.chats.of(context.req.param('number')).map(({ waId, messages }) => ({
        waId,
        profileName: state.people.get(waId)?.profileName,
        last: messages.at(-1),
      })),
    }),
  );
  app.get('/numbers/:number/chats/:waId', (context) => {
    const { number, waId } = context.req.param();
    return context.json({ waId, messages: state.chats.chat(number, waId)?.messages ?? [] });
  });
  app.put('/numbers/:number/templates', (context) =>
    change(context, z.array(templateEntry).max(10_000), (templates) =>
      network.setTemplates(context.req.param('number'), templates),
    ),
  );
  app.put('/numbers/:number/catalog', (context) =>
    change(context, catalog, (linked) => network.setCatalog(context.req.param('number'), linked)),
  );
  app.put('/numbers/:number/limits', (context) =>
    change(context, messagingLimits.partial(), (limits) =>
      network.setLimits(context.req.param('number'), defined(limits)),
    ),
  );
  app.put('/numbers/:number/faults', (context) =>
    change(context, networkFaults, async (bad) => network.setFaults(context.req.param('number'), bad)),
  );
  app.put('/api-faults', (context) =>
    change(context, z.array(apiFault).max(1_000), (bad) =>
      network.apiFaults.set(bad, context.req.raw.signal),
    ),
  );
  app.get('/api-faults', (context) => context.json(network.apiFaults.list()));
  app.get('/numbers/:number/recording', (context) => {
    const number = context.req.param('number');
    const { isOn = false, startedAtMs, callbacks = [] } = state.number(number).recording ?? {};
    const startedAt = startedAtMs === undefined ? undefined : new Date(startedAtMs).toISOString();
    if (context.req.query('download') !== undefined)
      context.header('content-disposition', `attachment; filename="webhooks-${number}.json"`);
    return context.json({ number, isOn, startedAt, callbacks });
  });
  app.put('/numbers/:number/recording', (context) =>
    change(context, z.strictObject({ isOn: z.boolean() }), ({ isOn }) =>
      network.setRecording(context.req.param('number'), isOn),
    ),
  );

  app.get('/people', (context) =>
    context.json({
      people: [...state.people].map(([waId, { profileName, behaviour: how = {} }]) => ({
        waId,
        profileName,
        behaviour: { ...DEFAULT_BEHAVIOUR, ...how },
      })),
    }),
  );
  app.put('/people/:waId', (context) =>
    change(
      context,
      behaviour.partial().extend({ name: z.string().max(256).optional() }),
      ({ name, ...how }) =>
        network.setPerson(context.req.param('waId'), { name, behaviour: defined(how) as Partial<Behaviour> }),
    ),
  );
  app.post('/people/:waId/identity', (context) =>
    change(context, z.object({}), () => network.changeIdentity(context.req.param('waId'))),
  );
  app.post('/people/:waId/number', (context) =>
    change(context, z.strictObject({ newWaId: z.string().regex(/^[0-9]{6,15}$/) }), ({ newWaId }) =>
      network.changeNumber(context.req.param('waId'), newWaId),
    ),
  );
  app.post('/clock', (context) =>
    change(context, z.strictObject({ advanceMs: z.int().min(0) }), async ({ advanceMs }) =>
      network.advance(advanceMs),
    ),
  );
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

/** Reads a body, acts, and answers 204; or 400 with what is wrong. */
async function change<S extends z.ZodType>(
  context: Context,
  shape: S,
  act: (body: z.output<S>) => Promise<void>,
): Promise<Response> {
  const text = await context.req.text();
  const parsed = shape.safeParse(jsonOf(text.trim() === '' ? '{}' : text));
  if (!parsed.success) return context.json({ error: z.prettifyError(parsed.error) }, 400);
  await act(parsed.data);
  return context.body(null, 204);
}

/** A parsed object holds nothing undefined, which its type can't say. */
const defined = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  given as { [K in keyof T]?: Exclude<T[K], undefined> };

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
