import type * as z from 'zod';
import type { JsonAnswer } from './jsonAnswer.ts';

type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** What a table of routes says of an endpoint: the server checks calls by it, and the OpenAPI document shows it. */
export interface Endpoint {
  readonly method: Method;
  /** `/v1/users/:username`. */
  readonly path: string;
  readonly summary: string;
  readonly note?: string;
  /** Query parameters by name, with what each does. */
  readonly query?: Readonly<Record<string, string>>;
  /** Shape of the JSON body. */
  readonly body?: z.ZodType;
  /** Shape of the JSON answer, or the content type of an answer that is not JSON. */
  readonly answer?: z.ZodType | string;
}

/** What is used of a request. Those of the Fetch API have it, and those that come without it. */
export type Incoming = Pick<Request, 'method' | 'url' | 'signal' | 'body'> & {
  readonly headers: Pick<Headers, 'get'>;
};
/** What a server sends. */
export type Answer = Response | JsonAnswer;

export interface Call<Body = unknown> {
  readonly request: Incoming;
  /** The bytes of the body. @throws BodyTooLarge, BodyCutShort, TooManyBodies */
  readonly read: (largestBytes: number) => Promise<Buffer>;
  /** IP address of the client; absent for a request that no network brought. */
  readonly address?: string | undefined;
  readonly parameter: (name: string) => string;
  readonly query: (name: string) => string | undefined;
  readonly body: Body;
  /** Where the call is in its trace, if traces are on: the W3C header `traceparent`. */
  readonly traceparent?: string | undefined;
}

/** What a handler returns: a response that it has made, or the value that `answer` describes. */
type Answered<A> = A extends z.ZodType ? Promise<Answer | z.input<A>> : Promise<Answer> | Promise<void>;

/** An endpoint of a server that hands `Served` to each handler. */
export type Route<About extends Endpoint, Called extends Call, Served> = About & {
  readonly handle: (call: Called & { readonly body: never }, served: Served) => Promise<unknown>;
};

/** Makes the `route()` of one server. Body and answer of a handler have the types of their shapes. */
export const routeOf =
  <About extends Endpoint, Called extends Call, Served>() =>
  <B extends z.ZodType = z.ZodUnknown, A extends z.ZodType | string | undefined = undefined>(
    about: Omit<About, 'body' | 'answer'> & { readonly body?: B; readonly answer?: A },
    handle: (call: Omit<Called, 'body'> & { readonly body: z.output<B> }, served: Served) => Answered<A>,
  ): Route<About, Called, Served> =>
    ({ ...about, handle }) as unknown as Route<About, Called, Served>;
