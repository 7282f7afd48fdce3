import { hostname } from 'node:os';
import { aborted } from '../base/aborted.ts';
import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import type { Logger, LogLevel } from '../base/logger.ts';
import { retryUntilDone } from '../base/retryUntilDone.ts';
import { NODE_PORTS, type StackEnvironment, WEB_PORT } from '../onprem/environment.ts';
import { clientVersion } from './clientVersionOf.ts';
import { startCoreapp } from './coreapp/startCoreapp.ts';
import { parseEnvironment } from './parseEnvironment.ts';
import { reportUntil } from './reportUntil.ts';
import { checkDatabase } from './store/checkDatabase.ts';
import { databaseSettings } from './store/databaseSettings.ts';
import { type DatabaseName, openDatabases } from './store/databases.ts';
import { isTooOld, type Upgrader } from './store/schemaTooNew.ts';
import { asAdmin } from './store/server.ts';
import { databaseStores } from './store/stores.ts';
import { ALL_DATABASES, NODE_DATABASES, upgradeSchema } from './store/upgrade.ts';
import { startWebapp } from './webapp/startWebapp.ts';

export { runPasswordRotation } from './passwordRotation.ts';

export interface RoleOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly setLogLevel?: (level: LogLevel) => void;
}

/** `any` is the vendor's word for all interfaces. */
const listenHost = ({ WA_TCP_LISTEN_ADDRESS: address }: StackEnvironment): string =>
  address === 'any' ? '0.0.0.0' : address;

function open({ env, logger }: RoleOptions, role: 'webapp' | 'node') {
  const environment = parseEnvironment(env);
  const settings = databaseSettings(environment, role);
  return { environment, settings, version: clientVersion(env), databases: openDatabases(settings, logger) };
}

/** Runs the container of the web image until `signal` fires. */
export async function runWebapp(options: RoleOptions, signal: AbortSignal): Promise<void> {
  const { environment, settings, version, databases } = open(options, 'webapp');
  const { clock, logger } = options;
  const names = environment.WA_WEB_SERVERNAME.split(',').map((name) => name.trim());
  try {
    const webapp = await startWebapp(
      {
        stores: databaseStores(databases),
        upgradeSchema: () => upgradeSchema(settings, databases, ['web'], logger),
        multiconnect: environment.WA_APP_MULTICONNECT,
        single: { host: environment.WACORE_HOSTNAME, ports: Object.values(NODE_PORTS) },
        listen: { host: '0.0.0.0', port: WEB_PORT },
        serverNames: [...names, 'localhost', '127.0.0.1'],
        jwtKey: environment.WA_WEB_JWT_CRYPTO_KEY,
        apiKey: environment.WA_API_KEY,
        secret: environment.WA_SECRET,
        networkUrl: environment.WABA_NETWORK_URL,
        mediaFolder: environment.WABA_MEDIA_PATH,
        container: environment.HOSTNAME ?? hostname(),
        rateLimits: environment.WABA_RATE_LIMITS === '1',
        version,
        clock,
        logger,
      },
      signal,
    );
    await aborted(signal);
    await webapp.close();
  } finally {
    await databases.close();
  }
}

/**
 * Runs the container of the coreapp image: Coreapp, Master, or with `WA_DB_UPGRADE=1` the schema upgrade.
 * @throws CodedError `SchemaTooNew` for a client that is older than the databases
 */
export async function runCoreapp(options: RoleOptions, signal: AbortSignal): Promise<void> {
  const { environment, settings, version, databases } = open(options, 'node');
  const { clock, logger } = options;
  try {
    const container = environment.HOSTNAME ?? hostname();
    const upgrade = (names: readonly DatabaseName[], upgrader: Upgrader) =>
      upgradeSchema(settings, databases, names, logger, upgrader);
    if (environment.WA_DB_UPGRADE) {
      const upgrader = { version, name: container };
      await waiting(() => upgrade(ALL_DATABASES, upgrader), options, signal);
      logger.info('schema is up to date');
      return;
    }
    if (!environment.WABA_NETWORK_URL)
      throw new CodedError(
        'BadEnvironment',
        'WABA_NETWORK_URL is not set: tcp://host:port of the network process',
      );
    if (environment.WA_APP_MULTICONNECT && !environment.WA_CONFIG_ON_DB)
      logger.warn('without WA_CONFIG_ON_DB=1 all Coreapps and Masters must share the data directory', {
        folder: environment.WABA_DATA_PATH,
      });
    const node = await startCoreapp({
      stores: databaseStores(databases),
      upgradeSchema: (upgrader) => upgrade(NODE_DATABASES, upgrader),
      networkUrl: environment.WABA_NETWORK_URL,
      multiconnect: environment.WA_APP_MULTICONNECT,
      master: environment.WA_MASTER_NODE,
      hostname: environment.COREAPP_HOSTNAME ?? container,
      container,
      externalPorts: environment.COREAPP_EXTERNAL_PORTS,
      listen: { host: listenHost(environment), ports: Object.values(NODE_PORTS) },
      secret: environment.WA_SECRET,
      mediaFolder: environment.WABA_MEDIA_PATH,
      mediaHosts: environment.WABA_MEDIA_HOSTS,
      configFolder: environment.WA_CONFIG_ON_DB ? undefined : environment.WABA_DATA_PATH,
      ...(environment.WABA_BUILD_DATE ? { buildDateMs: Date.parse(environment.WABA_BUILD_DATE) } : {}),
      version,
      setLogLevel: options.setLogLevel,
      clock,
      logger,
    });
    const failure = await Promise.race([aborted(signal), node.failed]);
    await node.close();
    if (failure) throw failure;
  } finally {
    await databases.close();
  }
}

/** Waits until the database answers, as the vendor's wait scripts do. */
export async function waitOnDatabase(options: RoleOptions, signal: AbortSignal): Promise<void> {
  const settings = databaseSettings(parseEnvironment(options.env), 'node');
  await waiting(() => asAdmin(settings, async () => {}), options, signal);
}

/**
 * Checks the database that the variables name, and prints what it found as one line of JSON, again whenever it finds
 * something else. @returns whether the stack can work with it; with `wait`, only then
 */
export async function runDatabaseCheck(
  { env, clock }: Pick<RoleOptions, 'env' | 'clock'>,
  { needed, wait, print }: { needed: number; wait: boolean; print: (line: string) => void },
  signal: AbortSignal,
): Promise<boolean> {
  const settings = databaseSettings(parseEnvironment(env), 'node');
  const { verdict } = await reportUntil(
    () => checkDatabase(settings, { needed, clock }, signal),
    { clock, print, isLast: ({ verdict }) => verdict === 'Ready' || !wait },
    signal,
  );
  return verdict === 'Ready';
}

const waiting = <T>(
  action: () => Promise<T>,
  { clock, logger }: RoleOptions,
  signal: AbortSignal,
): Promise<T> =>
  retryUntilDone(
    action,
    {
      clock,
      logger,
      what: 'waiting for the database',
      everyMs: 1_000,
      worthRetrying: (error) => !isTooOld(error),
    },
    signal,
  );
