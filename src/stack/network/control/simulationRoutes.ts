import { Readable } from 'node:stream';
import { z } from 'zod';
import { apiFault } from '../../wire/apiFault.ts';
import { changeEvents } from './changeEvents.ts';
import { ControlProblem, type ControlRoute, route } from './controlRoute.ts';

const apiFaultsAnswer = z.object({
  faults: z.array(apiFault.safeExtend({ met: z.int() })),
  webapps: z.array(z.string()),
});

/** What concerns neither one number nor one person: faults of the API, the clock, media, and what changes. */
export const simulationRoutes: readonly ControlRoute[] = [
  route(
    {
      method: 'GET',
      path: '/api-faults',
      summary:
        'Faults of API calls with the number of calls that each has met, and the Webapps that know them',
      answer: apiFaultsAnswer,
    },
    async (_, { apiFaults }) => apiFaults.list(),
  ),
  route(
    {
      method: 'PUT',
      path: '/api-faults',
      summary: 'Replaces all faults of API calls; answered once every Webapp knows',
      body: z.array(apiFault).max(1_000),
    },
    async ({ body, request }, { apiFaults }) => apiFaults.set(body, request.signal),
  ),
  route(
    {
      method: 'POST',
      path: '/clock',
      summary: 'Moves the clock of the network forward',
      body: z.strictObject({ advanceMs: z.int().min(0) }),
    },
    async ({ body }, network) => network.advance(body.advanceMs),
  ),
  route(
    {
      method: 'GET',
      path: '/media/:sha256',
      summary: 'Media of a chat, by checksum',
      query: { type: 'content type of the answer' },
      answer: 'application/octet-stream',
    },
    async ({ parameter, query }, { media }) => {
      const content = await media.read(parameter('sha256'));
      if (!content) throw new ControlProblem(404, 'no media with this checksum');
      return new Response(Readable.toWeb(content) as ReadableStream, {
        headers: {
          'content-type': query('type') ?? 'application/octet-stream',
          // Media comes from businesses and people: the browser shows it, but runs nothing in it.
          'content-security-policy': 'sandbox',
          'x-content-type-options': 'nosniff',
        },
      });
    },
  ),
  route(
    {
      method: 'GET',
      path: '/events',
      summary: 'Server-sent events: which chat or recording has changed',
      answer: 'text/event-stream',
    },
    async (_, network) => changeEvents(network),
  ),
];
