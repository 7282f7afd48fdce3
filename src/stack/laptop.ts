import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { holdFolder } from '../base/holdFolder.ts';
import type { Logger } from '../base/logger.ts';
import { MovableClock } from '../base/movableClock.ts';
import { freePort, requireFreePort } from '../base/ports.ts';
import { knows } from '../onprem/clientBehaviour.ts';
import { CLIENT_VERSION } from '../onprem/clientVersion.ts';
import { BUILD_DATE_WITH_CLOUD, NODE_PORTS } from '../onprem/environment.ts';
import { DEFAULT_ADMIN } from '../onprem/users.ts';
import { CloudNetwork } from './cloud/cloudNetwork.ts';
import type { CloudSettings } from './cloud/cloudSettings.ts';
import { WEBHOOK_PATH } from './cloud/webhookServer.ts';
import type { CoreappNode } from './coreapp/coreappNode.ts';
import { startCoreapp } from './coreapp/startCoreapp.ts';
import { Graph } from './graph/graph.ts';
import { type GraphServer, startGraphServer } from './graph/graphServer.ts';
import { makeReady } from './laptopRegistration.ts';
import { loadSecrets, newSecrets } from './laptopSecrets.ts';
import { type LaptopSeed, requireNoSimulation, seedNetwork, seedStack } from './laptopSeed.ts';
import type { LaptopDatabase, LaptopStores } from './laptopStores.ts';
import { laptopWebhook } from './laptopWebhook.ts';
import type { ControlAccess } from './network/control/controlGuard.ts';
import { startControlServer } from './network/controlServer.ts';
import type { GraphMode } from './network/graphSide.ts';
import { Network } from './network/network.ts';
import { laptopFolder, openLaptopStores } from './openLaptopStores.ts';
import { openApi } from './webapp/openApi.ts';
import { type RunningWebapp, startWebapp } from './webapp/startWebapp.ts';
import { LocalWire } from './wire/localWire.ts';

export interface LaptopOptions {
  /** Where data is kept between runs; without it everything ends with the process. */
  readonly dataFolder?: string | undefined;
  readonly database?: LaptopDatabase;
  readonly port: number;
  /** Port of the page and the control API; 0 for any free one. */
  readonly controlPort?: number;
  /** Address that both listen on; this machine alone unless given. */
  readonly host?: string;
  /** Off: the API speaks plain HTTP. */
  readonly tls?: boolean;
  readonly phoneNumber: string;
  /** Epoch ms; the build expires 180 days later. By default it is of today, and never expires with the Cloud API. */
  readonly buildDateMs?: number | undefined;
  /** The client version to stand for, `v2.57.1`. */
  readonly version?: string;
  /** Of admin; the one of `laptopDefaults.ts` unless given here, in the seed, or at an earlier start. */
  readonly password?: string | undefined;
  readonly seed?: LaptopSeed | undefined;
  /** The documented limits of requests a second. */
  readonly rateLimits?: boolean;
  readonly webhook?: { readonly url: string; readonly caPem?: string | undefined } | undefined;
  /** Who may call the control port; without it, every program of the machine. */
  readonly control?: ControlAccess;
  /**
   * The simulated Graph API beside `/v1`; without it there is none. `port`: 0 for any free one. `isPortMeant`: otherwise a
   * port that is in use gives way to a free one.
   */
  readonly graph?:
    | { readonly mode: GraphMode; readonly port: number; readonly isPortMeant?: boolean }
    | undefined;
  /** Every event is compared with what the Cloud API has for it, from the start; needs `graph`. */
  readonly rehearsal?: boolean;
  /** The Cloud API takes the place of the simulated servers of WhatsApp, and posts its webhooks to this port. */
  readonly cloud?: { readonly settings: CloudSettings; readonly webhookPort: number } | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Laptop {
  readonly url: string;
  /** The page and API of the simulation; none with the Cloud API. */
  readonly controlUrl?: string;
  /** The simulated Graph API, and the ids of the number there. */
  readonly graphUrl?: string;
  readonly phoneNumberId?: string;
  readonly businessAccountId?: string;
  /** Where the webhooks of the Cloud API arrive. */
  readonly cloudWebhookUrl?: string;
  readonly username: string;
  readonly password: string;
  readonly caFile: string;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
/** Ports of the wire within this process: no other program reaches them. */
const COREAPP_PORTS = Object.values(NODE_PORTS);
const NETWORK_PORT = 5222;
const NETWORK_URL = `tcp://${HOST}:${NETWORK_PORT}`;
/** By which containers and their neighbours usually reach an emulator. */
const NAMES = ['waba-emulator', 'emulator', 'host.docker.internal', 'host.testcontainers.internal'];

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
 * Starts a whole single-instance stack in this process, registered and ready to send, with a network of its own.
 * @throws CodedError `PortTaken`, `InUse`, `NotReady`, `SchemaTooNew`
 */
export async function startLaptop(options: LaptopOptions, signal: AbortSignal): Promise<Laptop> {
  const { logger, clock, phoneNumber, host = HOST, webhook, cloud, seed } = options;
  if (webhook) laptopWebhook(webhook.url);
  if (cloud && seed) requireNoSimulation(seed);
  const started = new Started();
  try {
    const folder = await ownFolder(options, started);
    const port = await requireFreePort(options.port, host, '--port');
    const controlPort = options.controlPort
      ? await requireFreePort(options.controlPort, host, '--control-port')
      : await freePort(host);
    const controlUrl = `http://${isHere(host) ? HOST : host}:${controlPort}`;
    const graphPort = await graphPortOf(options);
    // Pages of errors belong to the simulation.
    const errorsUrl = cloud ? undefined : `${controlUrl}/errors`;
    const secrets = await secretsOf(options);
    const time = new MovableClock(clock);
    const stores = await startStores(options, { folder, time, password: secrets.databasePassword }, signal);
    started.add(stores, stores.close);
    const wire = new LocalWire();
    const place = { folder, time, wire, stores, errorsUrl };
    await configure(options, { stores, adminPassword: secrets.adminPassword });
    const gateway = cloud && (await startGateway(options, cloud, place, started, signal));
    const network = cloud ? undefined : await startNetwork(options, place, started, signal);
    const graph = network && (await startGraph(options, { network, port: graphPort }, started));
    const coreapp = await startSingleCoreapp(options, place);
    started.add(coreapp, () => coreapp.close());
    const webapp = await startSingleWebapp({ ...options, port }, place, signal);
    started.add(webapp, webapp.close);
    await makeReady(coreapp, options, secrets.code, signal);
    const caFile = join(folder, 'ca.pem');
    await writeFile(caFile, webapp.caPem);
    if (network) {
      if (stores.content) network.snapshots.add(stores.content);
      network.snapshots.begin();
      const control = await startControlServer(network, {
        host,
        port: controlPort,
        openApi: openApi(options.version ?? CLIENT_VERSION),
        caPem: webapp.caPem,
        ...options.control,
      });
      started.add(control, control.close);
    }
    logger.info('emulator ready', { number: phoneNumber });
    return {
      url: `${options.tls === false ? 'http' : 'https'}://${isHere(host) ? 'localhost' : host}:${webapp.port}`,
      ...(gateway
        ? { cloudWebhookUrl: `http://${isHere(host) ? HOST : host}:${gateway.webhookPort}${WEBHOOK_PATH}` }
        : { controlUrl }),
      ...(graph ? { graphUrl: `http://${isHere(host) ? HOST : host}:${graph.port}`, ...graph.ids } : {}),
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

/** The folder of this emulator, which no other one uses meanwhile. @throws CodedError `InUse` */
async function ownFolder({ dataFolder, port }: LaptopOptions, started: Started): Promise<string> {
  const { folder, remove } = await laptopFolder(dataFolder);
  started.add(folder, remove);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Before the port: a second start in the same folder finds the port taken as well.
  const release = await holdFolder(folder, `the emulator on port ${port}`);
  started.add(release, release);
  return folder;
}

function secretsOf({ dataFolder, password, seed }: LaptopOptions) {
  const given = password ?? seed?.password;
  return dataFolder === undefined ? newSecrets(given) : loadSecrets(dataFolder, given);
}

const startStores = (
  { database = 'memory', dataFolder, version = CLIENT_VERSION, clock, logger }: LaptopOptions,
  place: { readonly folder: string; readonly time: MovableClock; readonly password: string },
  signal: AbortSignal,
): Promise<LaptopStores> =>
  openLaptopStores(
    { ...place, database, dataFolder, clock, logger, upgrader: { version, name: 'laptop' } },
    signal,
  );

/** The Cloud API behind the stack. */
async function startGateway(
  { dataFolder, host = HOST, clock, logger }: LaptopOptions,
  { settings, webhookPort }: NonNullable<LaptopOptions['cloud']>,
  { folder, wire }: Place,
  started: Started,
  signal: AbortSignal,
): Promise<CloudNetwork> {
  const gateway = await CloudNetwork.start(
    {
      host: HOST,
      port: NETWORK_PORT,
      webhook: { host, port: webhookPort },
      wire,
      dataFolder: join(folder, 'cloud'),
      inMemory: dataFolder === undefined,
      settings,
      clock,
      logger: logger.child({ role: 'cloud' }),
    },
    signal,
  );
  return started.add(gateway, () => gateway.close());
}

/** What stands for the servers of WhatsApp. */
async function startNetwork(
  { dataFolder, rateLimits = true, phoneNumber, seed, graph, clock, logger }: LaptopOptions,
  { folder, time, wire, errorsUrl }: Place,
  started: Started,
  signal: AbortSignal,
): Promise<Network> {
  const network = await Network.start({
    host: HOST,
    port: NETWORK_PORT,
    wire,
    dataFolder: join(folder, 'network'),
    inMemory: dataFolder === undefined,
    limits: rateLimits,
    graph: graph?.mode,
    errorsUrl,
    clock,
    time,
    logger: logger.child({ role: 'network' }),
  });
  started.add(network, () => network.close());
  if (seed) await seedNetwork(seed, { network, number: phoneNumber.replace('+', '') }, signal);
  return network;
}

/** Undefined without a Graph API. @throws CodedError `PortTaken` for one that was asked for */
async function graphPortOf({ graph, cloud, host = HOST }: LaptopOptions): Promise<number | undefined> {
  if (!graph || cloud) return undefined;
  if (graph.port === 0) return freePort(host);
  const required = requireFreePort(graph.port, host, '--graph-port');
  return graph.isPortMeant === true ? required : required.catch(() => freePort(host));
}

/** The Graph API of the simulated servers. */
async function startGraph(
  { rateLimits = true, phoneNumber, host = HOST, rehearsal = false, logger }: LaptopOptions,
  { network, port }: { readonly network: Network; readonly port: number | undefined },
  started: Started,
) {
  if (port === undefined) return undefined;
  const graph = new Graph({
    network,
    limits: rateLimits,
    // As the Coreapp does here.
    mediaHosts: ['*'],
    logger: logger.child({ role: 'graph' }),
  });
  started.add(graph, async () => graph.close());
  if (rehearsal) graph.rehearsal.follow();
  const server: GraphServer = await startGraphServer(graph, { host, port });
  started.add(server, server.close);
  return { port: server.port, ids: graph.numbers.idsOf(phoneNumber.replace('+', '')) };
}

/** What the single Coreapp and the single Webapp have in common. */
interface Place {
  readonly time: MovableClock;
  readonly folder: string;
  readonly stores: LaptopStores;
  readonly wire: LocalWire;
  /** Where the pages of errors are. */
  readonly errorsUrl: string | undefined;
}

const startSingleCoreapp = (
  { cloud, buildDateMs, version = CLIENT_VERSION, clock, logger }: LaptopOptions,
  { folder, time, wire, stores }: Place,
): Promise<CoreappNode> =>
  startCoreapp({
    stores: stores.open,
    upgradeSchema: async () => {},
    networkUrl: NETWORK_URL,
    multiconnect: false,
    master: false,
    hostname: HOST,
    container: 'laptop',
    externalPorts: COREAPP_PORTS,
    listen: { host: HOST, ports: COREAPP_PORTS },
    wire,
    mediaFolder: join(folder, 'media'),
    // Whoever can send here also owns the machine, and has the pictures on it.
    mediaHosts: ['*'],
    buildDateMs: buildDateMs ?? (cloud ? Date.parse(BUILD_DATE_WITH_CLOUD) : undefined),
    plainWebhooks: true,
    version,
    clock,
    time,
    logger: logger.child({ role: 'coreapp' }),
  });

const startSingleWebapp = (
  {
    host = HOST,
    port,
    tls = true,
    rateLimits = true,
    version = CLIENT_VERSION,
    clock,
    logger,
  }: LaptopOptions,
  { folder, time, wire, stores, errorsUrl }: Place,
  signal: AbortSignal,
): Promise<RunningWebapp> =>
  startWebapp(
    {
      stores: stores.open,
      upgradeSchema: async () => {},
      multiconnect: false,
      single: { host: HOST, ports: COREAPP_PORTS },
      listen: { host, port },
      tls,
      serverNames: [...new Set(['localhost', HOST, ...(host === HOST ? [] : [...NAMES, hostname(), host])])],
      jwtKey: undefined,
      apiKey: undefined,
      wire,
      mediaFolder: join(folder, 'media'),
      container: 'laptop',
      networkUrl: NETWORK_URL,
      errorsUrl,
      rateLimits,
      version,
      clock,
      time,
      logger: logger.child({ role: 'webapp' }),
    },
    signal,
  );

/** Whether programs of this machine reach an address by its usual name. */
const isHere = (host: string): boolean => ['127.0.0.1', '0.0.0.0', '::', 'localhost'].includes(host);

/** Stores settings, password and seed before the Coreapp starts, because a Coreapp reads the webhook's CA only then. */
async function configure(
  { webhook, seed, version = CLIENT_VERSION }: LaptopOptions,
  { stores, adminPassword }: { stores: LaptopStores; adminPassword: string },
): Promise<void> {
  const { config, web } = stores.stores;
  if (webhook?.caPem) await config.setWebhookCa(webhook.caPem);
  await config.patchSettings({
    webhooks: {
      ...(webhook ? { url: webhook.url } : {}),
      message: { sent: true, delivered: true, read: true },
    },
    ...(knows(version, 'statusSwitches') ? {} : { sent_status: true }),
  });
  await web.ensureAdmin();
  await web.setPassword(DEFAULT_ADMIN.username, adminPassword);
  if (seed) await seedStack(seed, { config, web });
}
