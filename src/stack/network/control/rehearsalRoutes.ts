import * as z from 'zod';
import type { Network } from '../network.ts';
import { type RehearsalSide, rehearsalEvent, rehearsalReport } from '../rehearsalRecord.ts';
import { ControlProblem, type ControlRoute, limitIn, route } from './controlRoute.ts';

/** The rehearsal of a move from `/v1` to the Cloud API. The first call begins it, with what the logs hold. */
export const rehearsalRoutes: readonly ControlRoute[] = [
  route(
    {
      method: 'GET',
      path: '/rehearsal',
      summary:
        'What a move to the Cloud API changes: kinds of calls and callbacks with counts, differences, the first example and remedies',
      note: 'With what the logs hold when it is called first, and everything since; a reset forgets it.',
      answer: rehearsalReport,
    },
    async (_, network) => rehearsalOf(network).report(),
  ),
  route(
    {
      method: 'GET',
      path: '/rehearsal/events',
      summary: 'The latest calls and callbacks in both shapes, with what differs, the oldest first',
      query: {
        kind: 'call, callback or graph-call',
        verdict: 'ready, differs or no-counterpart',
        after: 'with a greater id',
        limit: 'the newest so many; 100 unless given, 2000 at most',
      },
      answer: z.object({
        events: z.array(rehearsalEvent),
        lastId: z.int().meta({ description: 'of the newest event of all; 0 if there was none' }),
      }),
    },
    async ({ query }, network) => {
      const rehearsal = rehearsalOf(network);
      const [kind, verdict] = ['kind', 'verdict'].map(query);
      const found = rehearsal
        .events()
        .filter(
          (event) =>
            event.id > Number(query('after') ?? 0) &&
            event.kind === (kind ?? event.kind) &&
            event.verdict === (verdict ?? event.verdict),
        );
      return { events: found.slice(-limitIn(query)), lastId: rehearsal.lastId };
    },
  ),
];

function rehearsalOf({ rehearsal }: Network): RehearsalSide {
  if (!rehearsal)
    throw new ControlProblem(404, 'there is no Cloud API to move to: start the emulator with --graph both');
  rehearsal.follow();
  return rehearsal;
}
