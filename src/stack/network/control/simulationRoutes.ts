import * as z from 'zod';
import { isLegalType, UNKNOWN_TYPE } from '../../../onprem/media.ts';
import { apiFault } from '../../wire/apiFault.ts';
import { changeEvents } from './changeEvents.ts';
import { ControlProblem, type ControlRoute, idIn, route } from './controlRoute.ts';

const MOST_FAULTS = 1_000;
/** A hundred years. */
const LONGEST_MOVE_MS = 100 * 365 * 86_400_000;

const apiFaultsAnswer = z.object({
  faults: z.array(apiFault.safeExtend({ id: z.int(), met: z.int() })),
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
      body: z.array(apiFault).max(MOST_FAULTS),
    },
    async ({ body, request }, { apiFaults }) => apiFaults.set(body, request.signal),
  ),
  route(
    {
      method: 'POST',
      path: '/api-faults',
      summary: 'Adds a fault of API calls; answered once every Webapp knows',
      body: apiFault,
      answer: z.object({ id: z.int() }),
      status: 201,
    },
    async ({ body, request }, { apiFaults }) => {
      if (apiFaults.list().faults.length >= MOST_FAULTS)
        throw new ControlProblem(
          400,
          `there are ${MOST_FAULTS} faults already; PUT /api-faults replaces them`,
        );
      return { id: await apiFaults.add(body, request.signal) };
    },
  ),
  route(
    {
      method: 'DELETE',
      path: '/api-faults/:id',
      summary: 'Ends a fault of API calls',
    },
    async ({ request, ...call }, { apiFaults }) => {
      const id = idIn(call);
      if (!(await apiFaults.remove(id, request.signal)))
        throw new ControlProblem(404, `there is no fault ${id}; GET /api-faults lists them`);
    },
  ),
  route(
    {
      method: 'GET',
      path: '/clock',
      summary: 'The time of the simulation, and by how much it is ahead of the machine',
      answer: z.object({ now: z.iso.datetime(), movedMs: z.number() }),
    },
    async (_, { time }) => ({ now: new Date(time.now()).toISOString(), movedMs: time.movedMs }),
  ),
  route(
    {
      method: 'POST',
      path: '/clock',
      summary: 'Moves the time of the whole stack forward, timers included',
      note: 'Windows close, statuses and delayed callbacks come, tokens, builds and certificates expire. Answered once every process has moved.',
      body: z.strictObject({ advanceMs: z.int().min(0).max(LONGEST_MOVE_MS) }),
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
      const type = query('type') ?? UNKNOWN_TYPE;
      if (!isLegalType(type)) throw new ControlProblem(400, 'type is no content type');
      const content = await media.read(parameter('sha256'));
      if (!content) throw new ControlProblem(404, 'no media with this checksum');
      return new Response(content, {
        headers: {
          'content-type': type,
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
      summary:
        'Server-sent events: changes of chats, numbers and people, callbacks, calls of the API, the rehearsal, the clock',
      note: 'A message for each change: {number, waId} of a chat, {number} of a number, {waId} of a person without chats; events `callback`, `request` and, once the rehearsal has begun, `rehearsal` with the whole record; `clock` and `reset`.',
      answer: 'text/event-stream',
    },
    async (_, network) => changeEvents(network),
  ),
];
