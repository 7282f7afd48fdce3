import type { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { MediaStore } from '../store/mediaStore.ts';
import type { User, WebStore } from '../store/webStore.ts';
import type { CoreappRouter } from './coreappRouter.ts';
import type { WebMetrics } from './webMetrics.ts';

/** What the API stands on. */
export interface Api {
  readonly store: WebStore;
  readonly router: CoreappRouter;
  readonly media: MediaStore;
  readonly metrics: WebMetrics;
  readonly jwtKey: string;
  readonly apiKey: string | undefined;
  /** PEM of the CA that signed the certificate in use; none where an uploaded one has no CA in its chain. */
  readonly caPem: string;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A token or all of a user's are no longer good. */
  readonly forgetTokens: () => void;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
/** Who may call: everybody; whoever logs in by Basic; any token; that of an administrator; a token or the API key. */
export type Access = 'open' | 'basic' | 'any' | 'admin' | 'any-or-key';
/** Exact: as documented. Inferred: a part is not documented and was chosen. Simplified: less happens than in reality. */
export type Fidelity = 'exact' | 'inferred' | 'simplified';

export interface Call<Body = unknown> {
  readonly request: Request;
  /** The user of the token; nobody with the API key. */
  readonly user: User | undefined;
  readonly token: string;
  readonly parameter: (name: string) => string;
  readonly query: (name: string) => string | undefined;
  readonly body: Body;
  /** The raw body, where the route has no shape for it. */
  readonly text: () => Promise<string>;
}

export interface Route {
  readonly method: Method;
  /** `/v1/users/:username`. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  readonly fidelity: Fidelity;
  /** What is not as in reality, where something is not. */
  readonly note?: string;
  /** Shape of a JSON body. */
  readonly body?: z.ZodType;
  readonly handle: (call: Call<never>, api: Api) => Promise<Response>;
}

/** One endpoint of the API, with what the documentation and the OpenAPI document say of it. */
export function route<S extends z.ZodType>(
  about: Omit<Route, 'handle' | 'body'> & { readonly body: S },
  handle: (call: Call<z.output<S>>, api: Api) => Promise<Response>,
): Route;
export function route(
  about: Omit<Route, 'handle' | 'body'>,
  handle: (call: Call, api: Api) => Promise<Response>,
): Route;
export function route(
  about: Omit<Route, 'handle'>,
  handle: (call: Call<never>, api: Api) => Promise<Response>,
): Route {
  return { ...about, handle };
}
