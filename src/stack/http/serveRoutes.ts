import type { Context, Hono } from 'hono';
import { BodyBudget, type BodyShare } from './bodyBudget.ts';
import { readBody } from './readBody.ts';
import type { Call, Endpoint } from './route.ts';

/** What the server tells of the connection of a request. */
interface Connection {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string | undefined } };
}

/**
 * Serves every endpoint of a table. `answer` reads the body, calls the handler and turns failures into answers. All bodies
 * together are bounded until their answers are made.
 */
export function serveRoutes<R extends Endpoint>(
  app: Hono,
  routes: readonly R[],
  answer: (route: R, call: Omit<Call, 'body'>) => Promise<Response>,
): void {
  const budget = new BodyBudget();
  for (const route of routes)
    app.on(route.method, route.path, async (context) => {
      const share = budget.share();
      try {
        return await answer(route, callOf(context, share));
      } finally {
        share.release();
      }
    });
}

const callOf = (context: Context, share: BodyShare): Omit<Call, 'body'> => ({
  request: context.req.raw,
  read: (largestBytes) => readBody(context.req.raw, largestBytes, share),
  address: (context.env as Connection | undefined)?.incoming?.socket?.remoteAddress,
  parameter: (name) => context.req.param(name) ?? '',
  query: (name) => context.req.query(name),
});
