import { normaliseRecipient } from '../../../onprem/messages.ts';
import { type Call, type Endpoint, type Route, routeOf } from '../../http/route.ts';
import type { Network } from '../network.ts';

interface ControlEndpoint extends Endpoint {
  /** Of an answer to a call that succeeded: 200 unless given, and 204 without an answer. */
  readonly status?: 201;
  /** Of its body; 1 MiB unless given. */
  readonly largestBodyBytes?: number;
}

/** One endpoint of the control API. */
export const route = routeOf<ControlEndpoint, Call, Network>();
export type ControlRoute = Route<ControlEndpoint, Call, Network>;

/** A call that can't be served: answered with this status and `{"error": message}`. */
export class ControlProblem extends Error {
  readonly status: 400 | 404 | 413;

  constructor(status: ControlProblem['status'], message: string) {
    super(message);
    this.name = 'ControlProblem';
    this.status = status;
  }
}

/** The number or WhatsApp id in a path. @throws ControlProblem 400 for text that is none */
export function numberIn({ parameter }: Pick<Call, 'parameter'>, name: 'number' | 'waId'): string {
  const number = normaliseRecipient(parameter(name));
  if (number !== undefined) return number;
  throw new ControlProblem(
    400,
    `${parameter(name)} is no phone number: write 6 to 15 digits with the country code, for example 16505551234`,
  );
}

/** The id in a path. @throws ControlProblem 400 for text that is none */
export function idIn({ parameter }: Pick<Call, 'parameter'>): number {
  const text = parameter('id');
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new ControlProblem(400, `${text} is no id: write a number`);
}

const LIMIT = { usual: 100, most: 2_000 } as const;

/** How many entries of a list are asked for. */
export const limitIn = (query: Call['query']): number =>
  Math.min(LIMIT.most, Math.max(1, Number(query('limit') ?? LIMIT.usual) || LIMIT.usual));

/** A parsed object has no undefined fields, which its type can't say. */
export const defined = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  given as { [K in keyof T]?: Exclude<T[K], undefined> };
