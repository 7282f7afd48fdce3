import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Session, StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { CoreappNode } from '../../src/emulator/cluster/coreappNode.ts';
import { startWebapp, type WebappNode } from '../../src/emulator/http/webappNode.ts';
import { Network } from '../../src/emulator/network/network.ts';
import { type Databases, openDatabases } from '../../src/emulator/store/databases.ts';
import type { Engine } from '../../src/emulator/store/dialect.ts';
import type { MessageStore } from '../../src/emulator/store/messageStore.ts';
import { ALL_DATABASES, upgradeSchema } from '../../src/emulator/store/upgrade.ts';
import { codeHash, encodeCertificate } from '../../src/onprem/emulatorCertificate.ts';
import type { Callback } from '../../src/onprem/webhook.ts';
import { createAuthority, issueCertificate } from '../../src/pki/certificates.ts';
import { type PostgresServer, startPostgres } from '../../src/postgres/embeddedPostgres.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { freePort } from '../../src/runtime/ports.ts';
import { eventually } from './eventually.ts';

const common = { clock: systemClock, logger: silentLogger, version: 'v2.57.1' };
const never = new AbortController().signal;
const HOST = '127.0.0.1';

export const CODE = '123456';
export const certificateFor = (number: string) =>
  encodeCertificate({ vname: 'Test Shop', number, codeHash: codeHash(CODE) });

/** A database server for one test file. */
export interface TestDatabase {
  readonly engine: Engine;
  readonly port: number;
  readonly password: string;
  close(): Promise<void>;
}

export async function testPostgres(): Promise<TestDatabase & { readonly server: PostgresServer }> {
  const folder = await mkdtemp(join(tmpdir(), 'waba-contract-'));
  const port = await freePort();
  const password = 'test-password';
  const server = await startPostgres(
    {
      dataFolder: join(folder, 'data'),
      host: HOST,
      port,
      username: 'waba',
      password,
      clock: systemClock,
      settings: { max_connections: '300' },
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
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A receiver of callbacks with a CA of its own. `answer` decides the status of each call. */
export async function startReceiver(answer: (callback: Callback) => number = () => 200) {
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
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return {
    url: `https://${HOST}:${(server.address() as AddressInfo).port}/hook`,
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

/** The roles of one stack in this process, each with sockets and connections of its own, as in production. */
export class EmulatorStack {
  readonly number = `1631555${String(randomInt(10_000)).padStart(4, '0')}`;
  readonly #database: TestDatabase;
  readonly #prefix: string;
  readonly network: Network;
  readonly #folder: string;
  readonly #rateLimits: boolean;
  readonly nodes = new Map<string, CoreappNode>();
  readonly webapps: WebappNode[] = [];
  readonly #databases: Databases[] = [];

  private constructor(
    database: TestDatabase,
    prefix: string,
    network: Network,
    folder: string,
    rateLimits: boolean,
  ) {
    this.#database = database;
    this.#prefix = prefix;
    this.network = network;
    this.#folder = folder;
    this.#rateLimits = rateLimits;
  }

  static async start(
    database: TestDatabase,
    prefix: string,
    counts: { masters: number; coreapps: number; webapps: number; rateLimits?: boolean },
  ): Promise<EmulatorStack> {
    const folder = await mkdtemp(join(tmpdir(), 'waba-network-'));
    const network = await Network.start({ ...common, host: HOST, port: 0, dataFolder: folder });
    const stack = new EmulatorStack(database, prefix, network, folder, counts.rateLimits ?? false);
    const multiconnect = counts.masters > 0;
    for (let i = 0; i < counts.masters; i++)
      await stack.startNode(`master-${i}`, { master: true, multiconnect });
    for (let i = 0; i < counts.coreapps; i++)
      await stack.startNode(`coreapp-${i}`, { master: false, multiconnect });
    for (let i = 0; i < counts.webapps; i++) await stack.startWebapp(multiconnect);
    return stack;
  }

  #open() {
    const settings = {
      engine: this.#database.engine,
      host: HOST,
      port: this.#database.port,
      username: 'waba',
      password: this.#database.password,
      prefix: this.#prefix,
    };
    const databases = openDatabases(settings, silentLogger);
    this.#databases.push(databases);
    return { databases, upgrade: () => upgradeSchema(settings, databases, ALL_DATABASES, silentLogger) };
  }

  async startNode(
    container: string,
    role: { master: boolean; multiconnect: boolean },
    known?: readonly number[],
    more: { buildDateMs?: number } = {},
  ): Promise<CoreappNode> {
    const { databases, upgrade } = this.#open();
    const ports = known ?? (await Promise.all([freePort(), freePort(), freePort(), freePort()]));
    const node = await CoreappNode.start({
      ...common,
      ...role,
      ...more,
      databases,
      upgradeSchema: upgrade,
      networkUrl: `tcp://${HOST}:${this.network.port}`,
      hostname: HOST,
      container,
      externalPorts: ports,
      listen: { host: HOST, ports },
      mediaFolder: join(this.#folder, 'wamedia'),
    });
    this.nodes.set(container, node);
    return node;
  }

  async startWebapp(multiconnect: boolean): Promise<WebappNode> {
    const { databases, upgrade } = this.#open();
    const single = this.nodes.get('coreapp-0')?.options.externalPorts ?? [];
    const webapp = await startWebapp(
      {
        ...common,
        databases,
        upgradeSchema: upgrade,
        multiconnect,
        single: { host: HOST, ports: single },
        listen: { host: HOST, port: 0 },
        serverNames: ['shop.test', HOST],
        jwtKey: 'k'.repeat(64),
        apiKey: 'test-api-key-0001',
        mediaFolder: join(this.#folder, 'wamedia'),
        container: `webapp-${this.webapps.length}`,
        rateLimits: this.#rateLimits,
      },
      never,
    );
    this.webapps.push(webapp);
    return webapp;
  }

  /** A new life of every Webapp: what they read at start is read again. */
  async restartWebapps(): Promise<void> {
    const multiconnect = this.nodes.size > 1;
    for (const webapp of this.webapps.splice(0)) {
      await webapp.close();
      await this.startWebapp(multiconnect);
    }
  }

  /** The same for the nodes, on the ports that they had. */
  async restartNodes(more: { buildDateMs?: number } = {}): Promise<void> {
    for (const [name, node] of this.nodes) {
      const { master, multiconnect, externalPorts } = node.options;
      await node.close();
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
    await eventually(() => client.requestCode(session, request, never), 60_000);
    await client.verifyCode(session, CODE, never);
  }

  /** What the database holds of messages, as a node sees it. */
  messages(): MessageStore {
    const [node] = this.nodes.values();
    if (!node) throw new Error('no node');
    return node.messages;
  }

  client(index = 0): StackClient {
    const webapp = this.webapps[index];
    if (!webapp) throw new Error(`no Webapp ${index}`);
    return new StackClient(
      new HttpsStackTransport({ host: HOST, port: webapp.port, serverName: 'shop.test', ca: webapp.caPem }),
    );
  }

  async close(): Promise<void> {
    for (const webapp of this.webapps) await webapp.close();
    for (const node of this.nodes.values()) await node.close();
    for (const databases of this.#databases) await databases.close();
    await this.network.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
