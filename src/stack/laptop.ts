import { randomBytes, randomInt } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import type { Logger } from '../base/logger.ts';
import { freePort, requireFreePort } from '../base/ports.ts';
import { startPostgres } from '../base/postgres/embeddedPostgres.ts';
import { waitUntil } from '../base/waitUntil.ts';
import { splitNumber } from '../onprem/account.ts';
import { CLIENT_VERSION } from '../onprem/clientVersion.ts';
import { codeHash, encodeCertificate } from '../onprem/emulatorCertificate.ts';
import { DEFAULT_ADMIN } from '../onprem/users.ts';
import type { CoreappNode } from './coreapp/coreappNode.ts';
import { nodeHandlers } from './coreapp/nodeHandlers.ts';
import { startCoreapp } from './coreapp/startCoreapp.ts';
import { applySeed, type LaptopSeed } from './laptopSeed.ts';
import { startControlServer } from './network/controlServer.ts';
import { Network } from './network/network.ts';
import { DatabaseConfigStore } from './store/databaseConfigStore.ts';
import { type Databases, openDatabases } from './store/databases.ts';
import { ALL_DATABASES, upgradeSchema } from './store/upgrade.ts';
import { WebStore } from './store/webStore.ts';
import { openApi } from './webapp/openApi.ts';
import { type RunningWebapp, startWebapp } from './webapp/startWebapp.ts';
import type { NodeProtocol } from './wire/nodeProtocol.ts';
import type { Peer } from './wire/rpcServer.ts';

export interface LaptopOptions {
  readonly dataFolder: string;
  readonly port: number;
  readonly phoneNumber: string;
  /** Epoch ms; the build expires 180 days later. */
  readonly buildDateMs?: number | undefined;
  /** The client version to stand for, `v2.57.1`. */
  readonly version?: string;
  readonly seed?: LaptopSeed | undefined;
  /** The documented limits of requests a second. */
  readonly rateLimits?: boolean;
  readonly webhook?: { readonly url: string; readonly caPem?: string | undefined } | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export const LAPTOP_DEFAULTS = { port: 9090, phoneNumber: '+16315551000' } as const;

export interface Laptop {
  readonly url: string;
  /** The page and API of the simulation. */
  readonly controlUrl: string;
  readonly username: string;
  readonly password: string;
  readonly caFile: string;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 30_000;
const DATABASE_USER = 'waba';

/** What was started, so that it can be ended in reverse order. */
class Started {
  readonly #closers: (() => Promise<void>)[] = [];

  /** @returns what was given */
  add<T>(part: T, close: () => Promise<void>): T {
    this.#closers.push(close);
    return part;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/**
 * Starts a whole single-instance stack in this process, registered and ready to send, with a PostgreSQL and a network
 * of its own. The data folder keeps its data between runs. @throws CodedError `PortTaken`, `InUse`, `NotReady`
 */
export async function startLaptop(options: LaptopOptions, signal: AbortSignal): Promise<Laptop> {
  const { dataFolder, logger, phoneNumber } = options;
  const port = await requireFreePort(options.port);
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const secrets = await loadSecrets(dataFolder);
  const started = new Started();
  try {
    const databases = await startDatabases(options, secrets.databasePassword, started, signal);
    const { network, control } = await startNetwork(options, started);
    await configure(options, { databases, network, adminPassword: secrets.adminPassword });
    const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const place = { databases, ports, networkUrl: `tcp://${HOST}:${network.port}` };
    const coreapp = await startSingleCoreapp(options, place);
    started.add(coreapp, () => coreapp.close());
    const webapp = await startSingleWebapp({ ...options, port }, place, signal);
    started.add(webapp, webapp.close);
    await makeReady(coreapp, options, secrets.code, signal);
    const caFile = join(dataFolder, 'ca.pem');
    await writeFile(caFile, webapp.caPem);
    logger.info('emulator ready', { number: phoneNumber });
    return {
      url: `https://localhost:${webapp.port}`,
      controlUrl: `http://${HOST}:${control.port}`,
      username: DEFAULT_ADMIN.username,
      password: secrets.adminPassword,
      caFile,
      close: () => started.close(),
    };
  } catch (error) {
    await started.close();
    throw error;
  }
}

/** A PostgreSQL with the databases of the stack, their schemas up to date. */
async function startDatabases(
  { dataFolder, version = CLIENT_VERSION, clock, logger }: LaptopOptions,
  password: string,
  started: Started,
  signal: AbortSignal,
): Promise<Databases> {
  const server = { host: HOST, port: await freePort(), username: DATABASE_USER, password };
  const postgres = await startPostgres(
    { ...server, dataFolder: join(dataFolder, 'postgres'), clock },
    signal,
  );
  started.add(postgres, postgres.stop);
  const settings = { ...server, engine: 'PGSQL' as const, prefix: '' };
  const databases = openDatabases(settings, logger);
  started.add(databases, () => databases.close());
  const upgrader = { version, name: 'laptop' };
  await upgradeSchema(settings, databases, ALL_DATABASES, logger, upgrader);
  return databases;
}

/** What stands for the servers of WhatsApp, and its control port. */
async function startNetwork(
  { dataFolder, rateLimits = true, version = CLIENT_VERSION, clock, logger }: LaptopOptions,
  started: Started,
): Promise<{ network: Network; control: { port: number } }> {
  const network = await Network.start({
    host: HOST,
    port: 0,
    dataFolder: join(dataFolder, 'network'),
    limits: rateLimits,
    clock,
    logger: logger.child({ role: 'network' }),
  });
  started.add(network, () => network.close());
  const control = await startControlServer(network, {
    host: HOST,
    port: 0,
    openApi: openApi(version),
  });
  return { network, control: started.add(control, control.close) };
}

/** What the single Coreapp and the single Webapp have in common. */
interface Place {
  readonly databases: Databases;
  /** Those of the Coreapp. */
  readonly ports: readonly number[];
  readonly networkUrl: string;
}

const startSingleCoreapp = (
  { dataFolder, buildDateMs, version = CLIENT_VERSION, clock, logger }: LaptopOptions,
  { databases, ports, networkUrl }: Place,
): Promise<CoreappNode> =>
  startCoreapp({
    databases,
    upgradeSchema: async () => {},
    networkUrl,
    multiconnect: false,
    master: false,
    hostname: HOST,
    container: 'laptop',
    externalPorts: ports,
    listen: { host: HOST, ports },
    mediaFolder: join(dataFolder, 'media'),
    buildDateMs,
    version,
    clock,
    logger: logger.child({ role: 'coreapp' }),
  });

const startSingleWebapp = (
  { dataFolder, port, rateLimits = true, version = CLIENT_VERSION, clock, logger }: LaptopOptions,
  { databases, ports, networkUrl }: Place,
  signal: AbortSignal,
): Promise<RunningWebapp> =>
  startWebapp(
    {
      databases,
      upgradeSchema: async () => {},
      multiconnect: false,
      single: { host: HOST, ports },
      listen: { host: HOST, port },
      serverNames: ['localhost', HOST],
      jwtKey: undefined,
      apiKey: undefined,
      mediaFolder: join(dataFolder, 'media'),
      container: 'laptop',
      networkUrl,
      rateLimits,
      version,
      clock,
      logger: logger.child({ role: 'webapp' }),
    },
    signal,
  );

/** Registers the number unless it is registered, and waits for the session. */
async function makeReady(
  coreapp: CoreappNode,
  options: LaptopOptions,
  code: string,
  signal: AbortSignal,
): Promise<void> {
  const { clock, phoneNumber } = options;
  const calls = nodeHandlers(coreapp);
  const nobody = undefined as unknown as Peer<NodeProtocol>;
  const { cc, phoneNumber: rest } = splitNumber(phoneNumber);
  const cert = encodeCertificate({ vname: 'Laptop', number: cc + rest, codeHash: codeHash(code) });
  const step = async () => {
    // An expired build never connects; its API reports that.
    if (coreapp.gatewayStatus === 'connected' || (coreapp.isExpired && coreapp.isReady)) return true;
    const registered = coreapp.account && coreapp.account.cc + coreapp.account.phoneNumber === cc + rest;
    if (coreapp.isReady && (coreapp.gatewayStatus === 'unregistered' || !registered)) {
      const { outcome } = await calls.requestCode({ cc, phone_number: rest, method: 'sms', cert }, nobody);
      if (outcome === 'code-sent') await calls.verifyCode({ code }, nobody);
    }
    return false;
  };
  const late = () =>
    new CodedError('NotReady', `the emulator is ${coreapp.gatewayStatus} after ${READY_TIMEOUT_MS / 1000} s`);
  await waitUntil(step, { clock, everyMs: 100, timeoutMs: READY_TIMEOUT_MS, late }, signal);
}

/** Stores settings, password and seed before the Coreapp starts, because a Coreapp reads the webhook's CA only then. */
async function configure(
  { webhook, seed, phoneNumber }: LaptopOptions,
  { databases, network, adminPassword }: { databases: Databases; network: Network; adminPassword: string },
): Promise<void> {
  const config = new DatabaseConfigStore(databases);
  if (webhook?.caPem) await config.setWebhookCa(webhook.caPem);
  await config.patchSettings({
    webhooks: {
      ...(webhook ? { url: webhook.url } : {}),
      message: { sent: true, delivered: true, read: true },
    },
  });
  const web = new WebStore(databases);
  await web.ensureAdmin();
  await web.setPassword(DEFAULT_ADMIN.username, adminPassword);
  if (seed) await applySeed(seed, { config, web, network, number: phoneNumber.replace('+', '') });
}

interface LaptopSecrets {
  readonly databasePassword: string;
  readonly adminPassword: string;
  readonly code: string;
}

async function loadSecrets(folder: string): Promise<LaptopSecrets> {
  const path = join(folder, 'secrets.json');
  const known = await readFile(path, 'utf8').catch(() => undefined);
  if (known) return JSON.parse(known) as LaptopSecrets;
  const made: LaptopSecrets = {
    databasePassword: randomBytes(24).toString('base64url'),
    // The prefix has one character of each class that the password rules ask for.
    adminPassword: `Aa1-${randomBytes(12).toString('base64url')}`,
    code: String(randomInt(1_000_000)).padStart(6, '0'),
  };
  await writeFile(path, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  return made;
}
