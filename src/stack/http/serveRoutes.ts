import type { Context, Hono } from 'hono';
import type { Call, Endpoint } from './route.ts';

/** Serves every endpoint of a table. `answer` reads the body, calls the handler and turns failures into answers. */
export function serveRoutes<R extends Endpoint>(
  app: Hono,
  routes: readonly R[],
  answer: (route: R, call: Omit<Call, 'body'>) => Promise<Response>,
): void {
  for (const route of routes) app.on(route.method, route.path, (context) => answer(route, callOf(context)));
}

const callOf = (context: Context): Omit<Call, 'body'> => ({
  request: context.req.raw,
  parameter: (name) => context.req.param(name) ?? '',
  query: (name) => context.req.query(name),
});
