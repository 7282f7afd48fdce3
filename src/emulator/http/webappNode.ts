import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { retryUntilDone } from '../../runtime/retryUntilDone.ts';
import { ClusterStore } from '../store/clusterStore.ts';
import type { Databases } from '../store/databases.ts';
import { WebStore } from '../store/webStore.ts';
import { createWebApp } from './app.ts';
import { CoreappRouter } from './coreappRouter.ts';

export interface WebappOptions {
  readonly databases: Databases;
  /** Creates and upgrades the Webapp's own database. */
  readonly upgradeSchema: () => Promise<void>;
  readonly multiconnect: boolean;
  readonly single: { readonly host: string; readonly ports: readonly number[] };
  readonly listen: { readonly host: string; readonly port: number };
  /** Names that the generated certificate bears. */
  readonly serverNames: readonly string[];
  readonly jwtKey: string | undefined;
  readonly apiKey: string | undefined;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface WebappNode {
  readonly port: number;
  readonly caPem: string;
  close(): Promise<void>;
}

/** Starts the HTTPS API once its database is there; waits for it as long as it takes. */
export async function startWebapp(options: WebappOptions, signal: AbortSignal): Promise<WebappNode> {
  const { databases, clock, logger, listen, version } = options;
  const store = new WebStore(databases.web);
  await retryUntilDone(
    async () => {
      await options.upgradeSchema();
      await store.ensureAdmin();
    },
    { clock, logger, what: 'waiting for the database', everyMs: 1_000 },
    signal,
  );
  const { server: certificate, caPem } = await store.certificate(options.serverNames);
  const router = new CoreappRouter({
    multiconnect: options.multiconnect,
    single: options.single,
    cluster: new ClusterStore(databases.cluster),
    clock,
  });
  const app = createWebApp({
    store,
    router,
    jwtKey: options.jwtKey ?? (await store.jwtKey()),
    apiKey: options.apiKey,
    caPem,
    version,
    clock,
    logger,
  });
  const server = createServer(
    // The generated chain is sent whole, so that a client that pins the CA can verify it.
    { cert: certificate.certificatePem + caPem, key: certificate.privateKeyPem },
    getRequestListener(app.fetch),
  );
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  logger.info('Webapp listening', { port });
  return {
    port,
    caPem,
    close: async () => {
      router.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        // Requests in hand get a moment.
        setTimeout(() => server.closeAllConnections(), 2_000).unref();
      });
    },
  };
}
