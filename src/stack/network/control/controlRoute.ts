import { type Call, type Endpoint, type Route, routeOf } from '../../http/route.ts';
import type { Network } from '../network.ts';

interface ControlEndpoint extends Endpoint {
  /** Of an answer to a call that succeeded: 200 unless given, and 204 without an answer. */
  readonly status?: 201;
}

/** One endpoint of the control API. */
export const route = routeOf<ControlEndpoint, Call, Network>();
export type ControlRoute = Route<ControlEndpoint, Call, Network>;

/** A call that can't be served: answered with this status and `{"error": message}`. */
export class ControlProblem extends Error {
  readonly status: 400 | 404;

  constructor(status: ControlProblem['status'], message: string) {
    super(message);
    this.name = 'ControlProblem';
    this.status = status;
  }
}

/** A parsed object has no undefined fields, which its type can't say. */
export const defined = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  given as { [K in keyof T]?: Exclude<T[K], undefined> };
