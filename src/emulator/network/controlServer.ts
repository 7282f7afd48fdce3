import { serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { normaliseRecipient } from '../../onprem/messages.ts';
import { type Behaviour, behaviour, DEFAULT_BEHAVIOUR } from './behaviour.ts';
import type { Network } from './network.ts';
import { templateEntry } from './templates.ts';

/** Recordings are a type of their own; `audio` is a file that was attached. */
const MEDIA_TYPES = ['image', 'audio', 'voice', 'video', 'document', 'sticker'] as const;
const isMedia = (type: string): boolean => MEDIA_TYPES.some((known) => known === type);

/** What a person may send: a text, or any type with its content, media with its bytes. */
const inbound = z
  .looseObject({
    from: z.string(),
    type: z
      .enum([...MEDIA_TYPES, 'text', 'location', 'contacts', 'button', 'interactive', 'order', 'unknown'])
      .default('text'),
    profileName: z.string().max(256).optional(),
    context: z.record(z.string(), z.unknown()).optional(),
    /** Of media: its bytes, and their type. */
    data: z.base64().optional(),
    mime_type: z.string().max(128).optional(),
  })
  .refine(
    ({ type, data, mime_type }) => !isMedia(type) || (data !== undefined && mime_type !== undefined),
    'media needs data (base64) and mime_type',
  );
/** How bad the way to a number is. */
const faults = z.strictObject({
  latencyMs: z.int().min(0).max(60_000).optional(),
  cutShare: z.number().min(0).max(1).optional(),
});
const HELP =
  'needs {"from": "<number>", "text": "..."}, or {"from", "type", "<type>": {...}}; media needs "data" (base64) and "mime_type"';

/** The page and API of the simulation, on a port of its own: people write, codes are read, state is seen. */
export async function startControlServer(
  network: Network,
  options: { host: string; port: number; openApi: Record<string, unknown> },
): Promise<{ port: number; close(): Promise<void> }> {
  const app = new Hono();
  app.get('/', (context) =>
    context.json({
      calls: [
        'GET /openapi.json',
        'GET /numbers',
        'POST /numbers/{number}/messages {"from", "text" | "type" and its content, "profileName"?, "context"?}',
        'PUT /numbers/{number}/templates [{"namespace", "name", "language", "status"?, "bodyParameters"?}]',
        'PUT /numbers/{number}/faults {"latencyMs"?, "cutShare"?}',
        'GET /people',
        `PUT /people/{waId} {${Object.keys(behaviour.shape)
          .map((field) => `"${field}"?`)
          .join(', ')}}`,
        'POST /people/{waId}/identity',
        'POST /people/{waId}/number {"newWaId"}',
        'POST /clock {"advanceMs"}',
      ],
    }),
  );
  app.get('/openapi.json', (context) => context.json(options.openApi));
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
    if (!number || !body.success || !from) return context.json({ error: HELP }, 400);
    const { type, profileName, context: quoted, data, mime_type: mimeType } = body.data;
    const own = body.data[type];
    const content = type === 'text' && typeof own === 'string' ? { body: own } : own;
    if (!isMedia(type) && type !== 'unknown' && (typeof content !== 'object' || content === null))
      return context.json({ error: HELP }, 400);
    if (!network.state.numbers.get(number)?.registrationKey) {
      return context.json({ error: `${number} is not registered` }, 404);
    }
    const id = await network.receiveFromPerson({
      from,
      to: number,
      type,
      content: (content ?? {}) as Record<string, unknown>,
      media: data && mimeType ? { type: mimeType, data: Buffer.from(data, 'base64') } : undefined,
      context: quoted,
      profileName,
    });
    return context.json({ id }, 201);
  });
  app.get('/people', (context) =>
    context.json({
      people: [...network.state.people].map(([waId, { profileName, behaviour: how = {} }]) => ({
        waId,
        profileName,
        behaviour: { ...DEFAULT_BEHAVIOUR, ...how },
      })),
    }),
  );
  app.put('/people/:waId', (context) =>
    change(context, behaviour.partial(), (changed) =>
      // A parsed object holds nothing undefined.
      network.setBehaviour(context.req.param('waId'), changed as Partial<Behaviour>),
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
  app.put('/numbers/:number/templates', (context) =>
    change(context, z.array(templateEntry).max(10_000), (templates) =>
      network.setTemplates(context.req.param('number'), templates),
    ),
  );
  app.put('/numbers/:number/faults', (context) =>
    change(context, faults, async (bad) => network.setFaults(context.req.param('number'), bad)),
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

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
