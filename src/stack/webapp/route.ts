import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ClientBehaviour } from '../../onprem/clientBehaviour.ts';
import type * as http from '../http/route.ts';
import { type Endpoint, routeOf } from '../http/route.ts';
import type { MediaStore } from '../store/mediaStore.ts';
import type { User, WebStore } from '../store/webStore.ts';
import type { CoreappRouter } from './coreappRouter.ts';
import type { NetworkLink } from './networkLink.ts';
import type { WebMetrics } from './webMetrics.ts';

/** What the handlers of the API work with. */
export interface Api {
  readonly store: WebStore;
  readonly router: CoreappRouter;
  readonly media: MediaStore;
  readonly metrics: WebMetrics;
  readonly jwtKey: string;
  readonly apiKey: string | undefined;
  /** PEM of the CA that signed the certificate in use; empty if the chain of an uploaded certificate has no CA. */
  readonly caPem: string;
  readonly version: string;
  /** What is behind the stack. */
  readonly backend: () => NetworkLink['backend'];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Empties the cache of checked tokens, because tokens were revoked. */
  readonly forgetTokens: () => void;
}

/** Who may call: everybody; Basic credentials; any token; an administrator's token; any token or the API key. */
export type Access = 'open' | 'basic' | 'any' | 'admin' | 'any-or-key';
/** Exact: as documented. Inferred: we chose an undocumented part. Simplified: less happens than in the real product. */
export type Fidelity = 'exact' | 'inferred' | 'simplified';

/** An endpoint of the API. `note` says what differs from the real product. */
interface ApiEndpoint extends Endpoint {
  readonly access: Access;
  readonly fidelity: Fidelity;
  /** The endpoint came with a version of the client. */
  readonly since?: ClientBehaviour;
}

export interface Call<Body = unknown> extends http.Call<Body> {
  /** The user of the token; none with the API key. */
  readonly user: User | undefined;
  readonly token: string;
  /** The raw body, for routes without a body shape. */
  readonly text: () => Promise<string>;
}

/** One endpoint of the API, with what the documentation and the OpenAPI document say of it. */
export const route = routeOf<ApiEndpoint, Call, Api>();
export type Route = http.Route<ApiEndpoint, Call, Api>;
