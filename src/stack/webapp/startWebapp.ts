import { createServer as createPlainServer, type Server as PlainServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import { getRequestListener } from '@hono/node-server';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { MovableClock } from '../../base/movableClock.ts';
import { listen } from '../../base/ports.ts';
import { retryUntilDone } from '../../base/retryUntilDone.ts';
import { MediaStore } from '../store/mediaStore.ts';
import { isTooOld } from '../store/schemaTooNew.ts';
import type { OpenStores } from '../store/stores.ts';
import type { WebStore } from '../store/webStore.ts';
import type { LocalWire } from '../wire/localWire.ts';
import { createWebApp } from './app.ts';
import { CoreappRouter } from './coreappRouter.ts';
import { directCalls } from './directCalls.ts';
import { NetworkLink } from './networkLink.ts';
import { chainOf, splitPem } from './uploadedCertificate.ts';
import { WebMetrics } from './webMetrics.ts';
import { withApiFaults } from './withApiFaults.ts';
import { tellBackend, withBackend } from './withBackend.ts';
import { beginLog, withRequestLog } from './withRequestLog.ts';

export interface WebappOptions {
  readonly stores: OpenStores;
  /** Creates and upgrades the Webapp's own database. */
  readonly upgradeSchema: () => Promise<void>;
  readonly multiconnect: boolean;
  readonly single: { readonly host: string; readonly ports: readonly number[] };
  readonly listen: { readonly host: string; readonly port: number };
  /** Where the pages of errors are, without the code; absent: refusals have no `href`. */
  readonly errorsUrl?: string | undefined;
  /** Off only on a laptop, for clients that can't trust a CA. */
  readonly tls?: boolean;
  /** Names in the generated certificate. */
  readonly serverNames: readonly string[];
  readonly jwtKey: string | undefined;
  readonly apiKey: string | undefined;
  /** `WA_SECRET`; if empty, the link to the Coreapps is not encrypted. */
  readonly secret?: string;
  /** The network process, where API faults are set; without it the Webapp has none. */
  readonly networkUrl?: string | undefined;
  /** Set if the other roles are in this process. */
  readonly wire?: LocalWire;
  /** The volume that Webapps and Coreapps share. */
  readonly mediaFolder: string;
  /** Name of this Webapp in its metrics. */
  readonly container: string;
  /** The documented limits of requests a second; switched off for measurements. */
  readonly rateLimits?: boolean;
  readonly version: string;
  readonly clock: Clock;
  /** The time of the simulation, if the network is in this process. */
  readonly time?: MovableClock;
  readonly logger: Logger;
}

export interface RunningWebapp {
  readonly port: number;
  readonly caPem: string;
  close(): Promise<void>;
}

/** How long requests in progress may take when the Webapp stops. */
const OPEN_REQUESTS_MS = 2_000;

/**
 * Waits for the database without a time limit, then starts the HTTPS API. Until then the port is closed.
 * @throws CodedError `SchemaTooNew` for a Webapp that does not know the schema of its database
 */
export async function startWebapp(options: WebappOptions, signal: AbortSignal): Promise<RunningWebapp> {
  const { clock, logger, version, errorsUrl } = options;
  const time = options.time ?? new MovableClock(clock);
  const { web: store, cluster } = options.stores(time);
  await retryUntilDone(
    async () => {
      await options.upgradeSchema();
      await store.ensureAdmin();
    },
    {
      clock,
      logger,
      what: 'waiting for the database',
      everyMs: 1_000,
      worthRetrying: (error) => !isTooOld(error),
    },
    signal,
  );
  const { chain, key, caPem } = await certificateOf(store, options.serverNames);
  const metrics = new WebMetrics(options.container, clock);
  const router = new CoreappRouter({
    multiconnect: options.multiconnect,
    single: options.single,
    cluster,
    secret: options.secret ?? '',
    wire: options.wire,
    clock,
  });
  const { networkUrl, container: webapp } = options;
  const link =
    networkUrl === undefined
      ? undefined
      : await NetworkLink.start({ networkUrl, webapp, wire: options.wire, clock, time, logger });
  const app = createWebApp({
    store,
    router,
    media: new MediaStore(options.mediaFolder),
    metrics,
    rateLimits: options.rateLimits ?? true,
    jwtKey: options.jwtKey ?? (await store.jwtKey()),
    apiKey: options.apiKey,
    caPem,
    version,
    backend: () => link?.backend,
    errorsUrl,
    clock: time,
    logger,
  });
  const faulty = link
    ? withApiFaults(withBackend(app.fetch, link), link, { version, errorsUrl, clock })
    : app.fetch;
  const listener = directCalls(
    {
      direct: app.direct,
      isQuiet: () => link?.isQuiet ?? true,
      complete: (answer) => (link ? tellBackend(answer, link) : answer),
      begin: () => (link ? beginLog(link, { clock, time }) : () => {}),
    },
    getRequestListener(link ? withRequestLog(faulty, link, { clock, time }) : faulty),
  );
  const isPlain = options.tls === false;
  // The server sends the whole chain, so that a client that pins the CA can verify it.
  const server = isPlain ? createPlainServer(listener) : createServer({ cert: chain, key }, listener);
  server.on(isPlain ? 'connection' : 'secureConnection', () => metrics.connected());
  server.keepAliveTimeout = 65_000;
  const port = await listen(server, options.listen);
  logger.info('Webapp listening', { port });
  const close = async () => {
    router.close();
    await link?.close();
    await closeServer(server);
  };
  return { port, caPem, close };
}

function closeServer(server: Server | PlainServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), OPEN_REQUESTS_MS).unref();
  });
}

/** The uploaded certificate or the generated one. Like the real product, a Webapp reads it only at start. */
async function certificateOf(
  store: WebStore,
  serverNames: readonly string[],
): Promise<{ chain: string; key: string; caPem: string }> {
  const uploaded = await store.externalCertificate();
  if (uploaded !== undefined) {
    const { key, chain } = splitPem(uploaded);
    return { key, chain: chainOf(uploaded), caPem: chain.at(-1) ?? '' };
  }
  const { server, caPem } = await store.certificate(serverNames);
  return { key: server.privateKeyPem, chain: server.certificatePem + caPem, caPem };
}
