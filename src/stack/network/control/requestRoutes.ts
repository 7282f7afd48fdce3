import * as z from 'zod';
import { requestRecord } from '../requestLog.ts';
import { type ControlRoute, limitIn, route } from './controlRoute.ts';

/** Calls of both APIs, as the Webapps and the Graph API answered them. */
export const requestRoutes: readonly ControlRoute[] = [
  route(
    {
      method: 'GET',
      path: '/requests',
      summary: 'The latest calls of the API with their answers and errors, the oldest first',
      note: 'Bodies of calls that hold secrets (users, account, certificates, two-step PIN, backups) are left out.',
      query: {
        api: 'v1 or graph',
        method: 'of this method',
        path: 'whose path begins so',
        refused: 'present: only calls that were refused',
        after: 'with a greater id',
        limit: 'the newest so many; 100 unless given, 2000 at most',
      },
      answer: z.object({
        requests: z.array(requestRecord),
        lastId: z.int().meta({ description: 'of the newest call of all; 0 if there was none' }),
        skipped: z.int().meta({ description: 'calls that were left out of this list under a load' }),
      }),
    },
    async ({ query }, { requests }) => {
      const [api, method, path = ''] = ['api', 'method', 'path'].map(query);
      const isRefusal = (status: number) => status === 0 || status >= 400;
      const found = requests
        .all()
        .filter(
          (each) =>
            each.id > Number(query('after') ?? 0) &&
            each.api === (api ?? each.api) &&
            each.method === (method ?? each.method) &&
            each.path.startsWith(path) &&
            (query('refused') === undefined || isRefusal(each.status)),
        );
      return { requests: found.slice(-limitIn(query)), lastId: requests.lastId, skipped: requests.skipped };
    },
  ),
];
