import { randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/base/pki/certificates.ts';
import { freePort, listen } from '../../src/base/ports.ts';
import { type PostgresServer, startPostgres } from '../../src/base/postgres/embeddedPostgres.ts';
import type { Session } from '../../src/client/calls.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { codeHash, encodeCertificate } from '../../src/onprem/emulatorCertificate.ts';
import type { Callback } from '../../src/onprem/webhook.ts';
import type { CoreappNode } from '../../src/stack/coreapp/coreappNode.ts';
import type { CoreappOptions } from '../../src/stack/coreapp/coreappOptions.ts';
import { startCoreapp } from '../../src/stack/coreapp/startCoreapp.ts';
import { startControlServer } from '../../src/stack/network/controlServer.ts';
import { Network } from '../../src/stack/network/network.ts';
import type { Login } from '../../src/stack/store/accounts.ts';
import type { ClusterStore } from '../../src/stack/store/clusterStore.ts';
import { openDatabases } from '../../src/stack/store/databases.ts';
import type { Engine } from '../../src/stack/store/dialect.ts';
import { type MemoryStores, openMemoryStores } from '../../src/stack/store/memory/memoryStores.ts';
import type { MessageStore } from '../../src/stack/store/messageStore.ts';
import type { Upgrader } from '../../src/stack/store/schemaTooNew.ts';
import { databaseStores, type OpenStores } from '../../src/stack/store/stores.ts';
import { ALL_DATABASES, upgradeSchema } from '../../src/stack/store/upgrade.ts';
import { type RunningWebapp, startWebapp } from '../../src/stack/webapp/startWebapp.ts';
import type { ApiAddress } from './apiCall.ts';
import { eventually } from './eventually.ts';

const common = { clock: systemClock, logger: silentLogger, version: 'v2.57.1' };
const never = new AbortController().signal;
const HOST = '127.0.0.1';

export const API_KEY = 'test-api-key-0001';
export const CODE = '123456';
export const certificateFor = (number: string) =>
  encodeCertificate({ vname: 'Test Shop', number, codeHash: codeHash(CODE) });

/** Options of a test stack. */
export interface StackOptions {
  /** Enforces the documented limits of requests, tiers and throughput. */
  readonly rateLimits?: boolean;
  /** `WA_SECRET`. */
  readonly secret?: string;
  /** The client version that all roles stand for. */
  readonly version?: string;
  readonly queueLimits?: { readonly messages: number; readonly callbacks: number };
}
type Role = CoreappNode | RunningWebapp;
interface NodeChanges extends Partial<Pick<CoreappOptions, 'buildDateMs' | 'secret' | 'version'>> {
  /** Where the node finds the database, if not on its own port. */
  readonly databasePort?: number | undefined;
  /** Another account than that of the administrator. */
  readonly login?: Login | undefined;
}
interface WebappChanges extends Pick<NodeChanges, 'databasePort' | 'login' | 'version'> {
  readonly port?: number;
}

/** A database server for one test file. */
export interface TestDatabase {
  readonly engine: Engine;
  /** There is no server: stores are in memory, and claim to be this engine. */
  readonly isMemory?: true;
  readonly port: number;
  readonly password: string;
  close(): Promise<void>;
}

/** The TLS certificate of a database server, and the CA of client certificates. */
export interface DatabaseCertificate {
  readonly server: KeyPair;
  readonly caPem: string;
}

/** Writes the files for the server, which requires that only its owner can read the key. */
export async function certificateFiles(folder: string, { server, caPem }: DatabaseCertificate) {
  const files = {
    cert: join(folder, 'server.pem'),
    key: join(folder, 'server.key'),
    ca: join(folder, 'ca.pem'),
  };
  await writeFile(files.cert, server.certificatePem);
  await writeFile(files.key, server.privateKeyPem, { mode: 0o600 });
  await writeFile(files.ca, caPem);
  return files;
}

export async function testPostgres(
  tls?: DatabaseCertificate,
  programs?: string,
): Promise<TestDatabase & { readonly server: PostgresServer }> {
  const folder = await mkdtemp(join(tmpdir(), 'waba-contract-'));
  const port = await freePort();
  const password = 'test-password';
  const files = tls && (await certificateFiles(folder, tls));
  const server = await startPostgres(
    {
      dataFolder: join(folder, 'data'),
      host: HOST,
      port,
      username: 'waba',
      password,
      programs,
      clock: systemClock,
      settings: {
        max_connections: '300',
        ...(files
          ? { ssl: 'on', ssl_cert_file: files.cert, ssl_key_file: files.key, ssl_ca_file: files.ca }
          : {}),
      },
    },
    never,
  );
  return {
    engine: 'PGSQL',
    port,
    password,
    server,
    close: async () => {
      await server.stop();
      // On a busy machine, a process of a server that was killed may still write for a moment.
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

/** A receiver of callbacks with its own CA. `answer` returns the status of each call. */
export async function startReceiver(
  answer: (callback: Callback) => number | 'drip' | 'flood' | 'upgrade' = () => 200,
) {
  const authority = await createAuthority({ subject: 'CN=receiver CA' });
  const { certificatePem, privateKeyPem } = await issueCertificate(authority, {
    commonName: 'receiver',
    hosts: [HOST],
    usage: 'server',
  });
  const received: Callback[] = [];
  let isRefusing = false;
  const server: Server = createServer({ cert: certificatePem, key: privateKeyPem }, (request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const callback = JSON.parse(body) as Callback;
      const status = isRefusing ? 503 : answer(callback);
      if (status === 200) received.push(callback);
      if (typeof status === 'number') response.writeHead(status).end();
      else if (status === 'upgrade')
        response.socket?.write(
          'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
        );
      else {
        response.writeHead(503);
        const more = status === 'drip' ? '.' : 'x'.repeat(100_000);
        const timer = setInterval(() => response.write(more), 20);
        response.once('close', () => clearInterval(timer));
      }
    });
  });
  const port = await listen(server, { host: HOST, port: 0 });
  return {
    url: `https://${HOST}:${port}/hook`,
    caPem: authority.certificatePem,
    received,
    refuse: (refusing: boolean) => {
      isRefusing = refusing;
    },
    statuses: (id: string) =>
      received.flatMap(({ statuses = [] }) =>
        statuses.filter((status) => status.id === id).map(({ status }) => status),
      ),
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export interface SimulatedStack {
  readonly stack: EmulatorStack;
  readonly controlUrl: string;
  close(): Promise<void>;
}

/** The roles of one stack in this process, each with its own sockets and connections, as in production. */
export class EmulatorStack {
  readonly number = `1631555${String(randomInt(10_000)).padStart(4, '0')}`;
  readonly #database: TestDatabase;
  readonly #prefix: string;
  readonly network: Network;
  readonly #folder: string;
  readonly #options: StackOptions;
  readonly nodes = new Map<string, CoreappNode>();
  readonly webapps: RunningWebapp[] = [];
  /** What each role has opened. */
  readonly #opened = new Map<Role, { close(): Promise<void> }>();
  #memory: Promise<MemoryStores> | undefined;

  private constructor(
    database: TestDatabase,
    prefix: string,
    network: Network,
    folder: string,
    options: StackOptions,
  ) {
    this.#database = database;
    this.#prefix = prefix;
    this.network = network;
    this.#folder = folder;
    this.#options = options;
  }

  static async start(
    database: TestDatabase,
    prefix: string,
    options: StackOptions & { masters: number; coreapps: number; webapps: number },
  ): Promise<EmulatorStack> {
    const folder = await mkdtemp(join(tmpdir(), 'waba-network-'));
    const network = await Network.start({
      ...common,
      host: HOST,
      port: 0,
      dataFolder: folder,
      limits: options.rateLimits ?? false,
    });
    const stack = new EmulatorStack(database, prefix, network, folder, options);
    const multiconnect = options.masters > 0;
    for (let i = 0; i < options.masters; i++)
      await stack.startNode(`master-${i}`, { master: true, multiconnect });
    for (let i = 0; i < options.coreapps; i++)
      await stack.startNode(`coreapp-${i}`, { master: false, multiconnect });
    for (let i = 0; i < options.webapps; i++) await stack.startWebapp(multiconnect);
    return stack;
  }

  /** Starts a stack, by default a single instance, and the control API of its network. */
  static async startSimulated(
    database: TestDatabase,
    prefix: string,
    options: StackOptions & { masters?: number; coreapps?: number } = {},
  ): Promise<SimulatedStack> {
    const single = { masters: 0, coreapps: 1, webapps: 1 };
    const stack = await EmulatorStack.start(database, prefix, { ...single, ...options });
    const control = await startControlServer(stack.network, { host: HOST, port: 0, openApi: {} });
    return {
      stack,
      controlUrl: `http://${HOST}:${control.port}`,
      close: async () => {
        await control.close();
        await stack.close();
      },
    };
  }

  get #version(): string {
    return this.#options.version ?? common.version;
  }

  async #open({ databasePort: port = this.#database.port, login }: NodeChanges): Promise<{
    stores: OpenStores;
    upgrade: (upgrader?: Upgrader) => Promise<void>;
    close(): Promise<void>;
  }> {
    if (this.#database.isMemory) {
      const { time } = this.network;
      this.#memory ??= openMemoryStores({ clock: systemClock, time, logger: silentLogger });
      const { open, upgrade } = await this.#memory;
      return {
        stores: open,
        upgrade: async (upgrader) => upgrader && upgrade(upgrader),
        close: async () => {},
      };
    }
    const settings = {
      engine: this.#database.engine,
      host: HOST,
      port,
      username: 'waba',
      password: this.#database.password,
      ...login,
      prefix: this.#prefix,
    };
    const databases = openDatabases(settings, silentLogger);
    return {
      stores: databaseStores(databases),
      upgrade: (upgrader) => upgradeSchema(settings, databases, ALL_DATABASES, silentLogger, upgrader),
      close: () => databases.close(),
    };
  }

  async startNode(
    container: string,
    role: { master: boolean; multiconnect: boolean },
    known?: readonly number[],
    { databasePort, login, ...more }: NodeChanges = {},
  ): Promise<CoreappNode> {
    const { stores, upgrade, close } = await this.#open({ databasePort, login });
    const ports = known ?? (await Promise.all([freePort(), freePort(), freePort(), freePort()]));
    const node = await startCoreapp({
      ...common,
      ...role,
      version: this.#version,
      queueLimits: this.#options.queueLimits,
      secret: this.#options.secret ?? '',
      ...more,
      stores,
      upgradeSchema: upgrade,
      networkUrl: `tcp://${HOST}:${this.network.port}`,
      hostname: HOST,
      container,
      externalPorts: ports,
      listen: { host: HOST, ports },
      // Links of tests lead to servers of this machine.
      mediaHosts: ['*'],
      mediaFolder: join(this.#folder, 'wamedia'),
    });
    this.nodes.set(container, node);
    this.#opened.set(node, { close });
    return node;
  }

  async startWebapp(
    multiconnect: boolean,
    { databasePort, login, port = 0, version = this.#version }: WebappChanges = {},
  ): Promise<RunningWebapp> {
    const { stores, upgrade, close } = await this.#open({ databasePort, login });
    const single = this.nodes.get('coreapp-0')?.options.externalPorts ?? [];
    const webapp = await startWebapp(
      {
        ...common,
        version,
        stores,
        upgradeSchema: upgrade,
        multiconnect,
        single: { host: HOST, ports: single },
        listen: { host: HOST, port },
        serverNames: ['shop.test', HOST],
        jwtKey: 'k'.repeat(64),
        apiKey: API_KEY,
        mediaFolder: join(this.#folder, 'wamedia'),
        container: `webapp-${this.webapps.length}`,
        networkUrl: `tcp://${HOST}:${this.network.port}`,
        secret: this.#options.secret ?? '',
        rateLimits: this.#options.rateLimits ?? false,
      },
      never,
    );
    this.webapps.push(webapp);
    this.#opened.set(webapp, { close });
    return webapp;
  }

  /** Restarts every Webapp, so that it reads its start settings again. */
  async restartWebapps(more: WebappChanges = {}): Promise<void> {
    const multiconnect = this.nodes.size > 1;
    for (const webapp of this.webapps.splice(0)) {
      await this.#end(webapp);
      await this.startWebapp(multiconnect, more);
    }
  }

  /** Restarts the nodes on the same ports. */
  async restartNodes(more: NodeChanges = {}): Promise<void> {
    for (const [name, node] of this.nodes) {
      const { master, multiconnect, externalPorts } = node.options;
      await this.#end(node);
      await this.startNode(name, { master, multiconnect }, externalPorts, more);
    }
  }

  /** Registers the number, as soon as the nodes are ready. */
  async register(client: StackClient, session: Session): Promise<void> {
    const request = {
      cc: '1',
      phone_number: this.number.slice(1),
      method: 'sms',
      cert: certificateFor(this.number),
    } as const;
    await eventually(() => client.account.requestCode(session, request, never), 60_000);
    await client.account.verify(session, CODE, never);
  }

  /** The messages in the database, as a node sees them. */
  messages(): MessageStore {
    return this.#anyNode().messaging.store;
  }

  /** The nodes and shards in the database, as a node sees them. */
  cluster(): ClusterStore {
    return this.#anyNode().cluster;
  }

  #anyNode(): CoreappNode {
    const [node] = this.nodes.values();
    if (!node) throw new Error('no node');
    return node;
  }

  address(index = 0): ApiAddress {
    const webapp = this.webapps[index];
    if (!webapp) throw new Error(`no Webapp ${index}`);
    return { host: HOST, port: webapp.port, serverName: 'shop.test', caPem: webapp.caPem };
  }

  client(index = 0): StackClient {
    const { caPem: ca, ...address } = this.address(index);
    return new StackClient(new HttpsStackTransport({ ...address, ca }));
  }

  /** Closes the role and its database connections, as the end of a process does. */
  async #end(role: Role): Promise<void> {
    await role.close();
    await this.#opened.get(role)?.close();
    this.#opened.delete(role);
  }

  async close(): Promise<void> {
    for (const role of [...this.webapps, ...this.nodes.values()]) await this.#end(role);
    // Connections of roles that a test has stopped itself.
    for (const opened of this.#opened.values()) await opened.close();
    await this.network.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
