import { randomBytes, randomInt } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import type { Logger } from '../base/logger.ts';
import { freePort, requireFreePort } from '../base/ports.ts';
import { startPostgres } from '../base/postgres/embeddedPostgres.ts';
import { splitNumber } from '../onprem/account.ts';
import { codeHash, encodeCertificate } from '../onprem/emulatorCertificate.ts';
import type { CoreappNode } from './coreapp/coreappNode.ts';
import { nodeHandlers } from './coreapp/nodeHandlers.ts';
import { startCoreapp } from './coreapp/startCoreapp.ts';
import { applySeed, type LaptopSeed } from './laptopSeed.ts';
import { startControlServer } from './network/controlServer.ts';
import { Network } from './network/network.ts';
import { CLIENT_VERSION } from './stackRoles.ts';
import type { ConfigStore } from './store/configStore.ts';
import { DatabaseConfigStore } from './store/databaseConfigStore.ts';
import { openDatabases } from './store/databases.ts';
import { ALL_DATABASES, upgradeSchema } from './store/upgrade.ts';
import { WebStore } from './store/webStore.ts';
import { openApi } from './webapp/openApi.ts';
import { startWebapp } from './webapp/startWebapp.ts';
import type { NodeProtocol } from './wire/nodeProtocol.ts';
import type { Peer } from './wire/rpcServer.ts';

export interface LaptopOptions {
  readonly dataFolder: string;
  readonly port: number;
  readonly phoneNumber: string;
  /** Epoch ms; the build expires 180 days later. */
  readonly buildDateMs?: number | undefined;
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
  /** The simulation's own API: people write to the number there. */
  readonly controlUrl: string;
  readonly username: string;
  readonly password: string;
  readonly caFile: string;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 30_000;

/**
 * A whole single-instance stack in this process, registered and ready to send, with a PostgreSQL and a network
 * of its own. Data stays in its folder between runs. @throws CodedError `PortTaken`, `InUse`, `NotReady`
 */
export async function startLaptop(options: LaptopOptions, signal: AbortSignal): Promise<Laptop> {
  const { dataFolder, clock, logger, phoneNumber } = options;
  const port = await requireFreePort(options.port);
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const secrets = await loadSecrets(dataFolder);
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const postgresPort = await freePort();
    const postgres = await startPostgres(
      {
        dataFolder: join(dataFolder, 'postgres'),
        host: HOST,
        port: postgresPort,
        username: 'waba',
        password: secrets.databasePassword,
        clock,
      },
      signal,
    );
    closers.push(postgres.stop);
    const network = await Network.start({
      host: HOST,
      port: 0,
      dataFolder: join(dataFolder, 'network'),
      limits: options.rateLimits ?? true,
      clock,
      logger: logger.child({ role: 'network' }),
    });
    closers.push(() => network.close());
    const control = await startControlServer(network, {
      host: HOST,
      port: 0,
      openApi: openApi(CLIENT_VERSION),
    });
    closers.push(control.close);

    const settings = {
      engine: 'PGSQL' as const,
      host: HOST,
      port: postgresPort,
      username: 'waba',
      password: secrets.databasePassword,
      prefix: '',
    };
    const databases = openDatabases(settings, logger);
    closers.push(() => databases.close());
    await upgradeSchema(settings, databases, ALL_DATABASES, logger, {
      version: CLIENT_VERSION,
      name: 'laptop',
    });
    const config = new DatabaseConfigStore(databases);
    await configure(config, options.webhook);
    const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const coreapp = await startCoreapp({
      databases,
      upgradeSchema: async () => {},
      networkUrl: `tcp://${HOST}:${network.port}`,
      multiconnect: false,
      master: false,
      hostname: HOST,
      container: 'laptop',
      externalPorts: ports,
      listen: { host: HOST, ports },
      mediaFolder: join(dataFolder, 'media'),
      buildDateMs: options.buildDateMs,
      version: CLIENT_VERSION,
      clock,
      logger: logger.child({ role: 'coreapp' }),
    });
    closers.push(() => coreapp.close());
    const store = new WebStore(databases);
    await store.ensureAdmin();
    await store.setPassword('admin', secrets.adminPassword);
    const number = phoneNumber.replace('+', '');
    if (options.seed) await applySeed(options.seed, { config, web: store, network, number });
    const webapp = await startWebapp(
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
        networkUrl: `tcp://${HOST}:${network.port}`,
        rateLimits: options.rateLimits ?? true,
        version: CLIENT_VERSION,
        clock,
        logger: logger.child({ role: 'webapp' }),
      },
      signal,
    );
    closers.push(webapp.close);
    await makeReady(coreapp, options, secrets.code, signal);
    const caFile = join(dataFolder, 'ca.pem');
    await writeFile(caFile, webapp.caPem);
    logger.info('emulator ready', { number: phoneNumber });
    return {
      url: `https://localhost:${webapp.port}`,
      controlUrl: `http://${HOST}:${control.port}`,
      username: 'admin',
      password: secrets.adminPassword,
      caFile,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Registers the number where it is not yet, and waits for the session. */
async function makeReady(
  coreapp: CoreappNode,
  options: LaptopOptions,
  code: string,
  signal: AbortSignal,
): Promise<void> {
  const { clock, phoneNumber } = options;
  const deadline = clock.monotonic() + READY_TIMEOUT_MS;
  const calls = nodeHandlers(coreapp);
  const nobody = undefined as unknown as Peer<NodeProtocol>;
  const { cc, phoneNumber: rest } = splitNumber(phoneNumber);
  const cert = encodeCertificate({ vname: 'Laptop', number: cc + rest, codeHash: codeHash(code) });
  // An expired build never connects; its API says so.
  while (coreapp.gatewayStatus !== 'connected' && !(coreapp.isExpired && coreapp.isReady)) {
    if (clock.monotonic() > deadline)
      throw new CodedError(
        'NotReady',
        `the emulator is ${coreapp.gatewayStatus} after ${READY_TIMEOUT_MS / 1000} s`,
      );
    const registered = coreapp.account && coreapp.account.cc + coreapp.account.phoneNumber === cc + rest;
    if (coreapp.isReady && (coreapp.gatewayStatus === 'unregistered' || !registered)) {
      const { outcome } = await calls.requestCode({ cc, phone_number: rest, method: 'sms', cert }, nobody);
      if (outcome === 'code-sent') await calls.verifyCode({ code }, nobody);
    }
    await sleep(clock, 100, signal);
  }
}

/** Before the Coreapp starts, for it reads the CA only then. */
async function configure(config: ConfigStore, webhook: LaptopOptions['webhook']): Promise<void> {
  if (webhook?.caPem) await config.setWebhookCa(webhook.caPem);
  await config.patchSettings({
    webhooks: {
      ...(webhook ? { url: webhook.url } : {}),
      message: { sent: true, delivered: true, read: true },
    },
  });
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
    // One character of each class that the password rules ask for, and enough that nobody knows.
    adminPassword: `Aa1-${randomBytes(12).toString('base64url')}`,
    code: String(randomInt(1_000_000)).padStart(6, '0'),
  };
  await writeFile(path, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  return made;
}
