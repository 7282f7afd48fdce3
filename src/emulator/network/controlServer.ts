import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { z } from 'zod';
import { normaliseRecipient } from '../../onprem/messages.ts';
import type { Network } from './network.ts';

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
        'POST /numbers/{number}/messages {"from","text" | "type" and its content,"profileName"?,"context"?}',
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
