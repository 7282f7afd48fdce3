import { createServer, type Server } from 'node:https';
import { getRequestListener } from '@hono/node-server';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { listen } from '../../base/ports.ts';
import { retryUntilDone } from '../../base/retryUntilDone.ts';
import { ClusterStore } from '../store/clusterStore.ts';
import type { Databases } from '../store/databases.ts';
import { MediaStore } from '../store/mediaStore.ts';
import { isTooOld } from '../store/upgrade.ts';
import { WebStore } from '../store/webStore.ts';
import { ApiFaultSource } from './apiFaultSource.ts';
import { createWebApp } from './app.ts';
import { CoreappRouter } from './coreappRouter.ts';
import { splitPem } from './uploadedCertificate.ts';
import { WebMetrics } from './webMetrics.ts';
import { withApiFaults } from './withApiFaults.ts';

export interface WebappOptions {
  readonly databases: Databases;
  /** Creates and upgrades the Webapp's own database. */
  readonly upgradeSchema: () => Promise<void>;
  readonly multiconnect: boolean;
  readonly single: { readonly host: string; readonly ports: readonly number[] };
  readonly listen: { readonly host: string; readonly port: number };
  /** Names in the generated certificate. */
  readonly serverNames: readonly string[];
  readonly jwtKey: string | undefined;
  readonly apiKey: string | undefined;
  /** `WA_SECRET`; if empty, the link to the Coreapps is not encrypted. */
  readonly secret?: string;
  /** The network process, where API faults are set; without it the Webapp has none. */
  readonly networkUrl?: string | undefined;
  /** The volume that Webapps and Coreapps share. */
  readonly mediaFolder: string;
  /** Name of this Webapp in its metrics. */
  readonly container: string;
  /** The documented limits of requests a second; switched off for measurements. */
  readonly rateLimits?: boolean;
  readonly version: string;
  readonly clock: Clock;
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
  const { databases, clock, logger, version } = options;
  const store = new WebStore(databases);
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
    cluster: new ClusterStore(databases),
    secret: options.secret ?? '',
    clock,
  });
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
    clock,
    logger,
  });
  const { networkUrl, container: webapp } = options;
  const faults =
    networkUrl === undefined ? undefined : await ApiFaultSource.start({ networkUrl, webapp, clock, logger });
  const server = createServer(
    // The server sends the whole chain, so that a client that pins the CA can verify it.
    { cert: chain, key },
    getRequestListener(faults ? withApiFaults(app.fetch, faults, { version, clock }) : app.fetch),
  );
  server.on('secureConnection', () => metrics.connected());
  server.keepAliveTimeout = 65_000;
  const port = await listen(server, options.listen);
  logger.info('Webapp listening', { port });
  const close = async () => {
    router.close();
    await faults?.close();
    await closeServer(server);
  };
  return { port, caPem, close };
}

function closeServer(server: Server): Promise<void> {
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
    return { key, chain: chain.join('\n'), caPem: chain.at(-1) ?? '' };
  }
  const { server, caPem } = await store.certificate(serverNames);
  return { key: server.privateKeyPem, chain: server.certificatePem + caPem, caPem };
}
