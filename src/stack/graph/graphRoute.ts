import { type Call, type Endpoint, type Route, routeOf } from '../http/route.ts';
import type { GraphFault } from '../network/graphFaults.ts';
import type { Graph } from './graph.ts';

interface GraphEndpoint extends Endpoint {
  /** Whether it answers without an access token. */
  readonly isOpen?: true;
}

export interface GraphCall extends Call {
  /** Where the caller reached this server: `http://host:port`. */
  readonly origin: string;
  /** Parameters of the query, and over them those of a JSON or form body. */
  readonly parameters: () => Promise<Readonly<Record<string, unknown>>>;
  /** What a test has set for this call. */
  readonly fault: GraphFault | undefined;
}

/** One endpoint of the Graph API. */
export const route = routeOf<GraphEndpoint, GraphCall, Graph>();
export type GraphRoute = Route<GraphEndpoint, GraphCall, Graph>;

/** Objects are named by their ids, so that paths differ by what follows them. */
export const OBJECT = '/:version/:object';

export const done = (): Promise<Response> => Promise.resolve(Response.json({ success: true }));
