import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { exited } from '../../src/base/childProcess.ts';
import { systemClock } from '../../src/base/clock.ts';
import { freePort } from '../../src/base/ports.ts';
import { type PostgresServer, startPostgres } from '../../src/base/postgres/embeddedPostgres.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { NODE_PORTS } from '../../src/onprem/environment.ts';
import { readAuthority } from '../../src/operator/application/webappAuthority.ts';
import type { ApiAddress } from './apiCall.ts';
import { CuttableLink } from './cuttableLink.ts';
import { API_KEY, type TestDatabase } from './emulatorStack.ts';
import { eventually } from './eventually.ts';

const never = new AbortController().signal;
/** Offset of ports below 1024, so that no privilege is needed. */
const LOW_PORT_OFFSET = 20_000;
let started = 0;

type ServerAddress = Pick<TestDatabase, 'engine' | 'port' | 'password'>;

export interface ProcessesOptions {
  /** One Coreapp without Masters. */
  readonly isSingle?: boolean;
  /** An existing server; by default a new PostgreSQL. */
  readonly database?: ServerAddress;
  readonly prefix?: string;
  /** `WA_SECRET`. */
  readonly secret?: string;
  readonly rateLimits?: boolean;
  /** Name in the Webapp's certificate; by default its address. */
  readonly serverName?: string;
  /** Nodes reach each other through links that can be cut. */
  readonly cuttable?: boolean;
}

/** The roles of a stack as processes, each with its own address, like containers. */
export class EmulatorProcesses {
  readonly #folder: string;
  readonly #options: ProcessesOptions;
  readonly #database: ServerAddress;
  readonly #networkPort: number;
  readonly #controlPort: number;
  /** Processes that ended though nobody killed or stopped them. */
  readonly ended: string[] = [];
  readonly #stopping = new Set<string>();
  readonly #children = new Map<string, ChildProcess>();
  readonly #links = new Map<string, CuttableLink>();
  #server: PostgresServer | undefined;
  /** Second octet of the addresses, which keeps parallel runs on one machine apart. */
  readonly #octet = 60 + ((process.pid + started++) % 60);

  private constructor(
    folder: string,
    options: ProcessesOptions,
    database: ServerAddress,
    ports: [number, number],
  ) {
    this.#folder = folder;
    this.#options = options;
    this.#database = database;
    [this.#networkPort, this.#controlPort] = ports;
  }

  static async start(nodes: readonly string[], options: ProcessesOptions = {}): Promise<EmulatorProcesses> {
    const folder = await mkdtemp(join(tmpdir(), 'waba-processes-'));
    const database = options.database ?? {
      engine: 'PGSQL' as const,
      port: await freePort(),
      password: 'secret',
    };
    const processes = new EmulatorProcesses(folder, options, database, [await freePort(), await freePort()]);
    if (!options.database) await processes.#startDatabase();
    processes.startNetwork();
    for (const name of [...nodes, 'webapp-0']) {
      if (options.cuttable && !name.startsWith('webapp'))
        processes.#links.set(
          name,
          await CuttableLink.start(processes.address(name), Object.values(NODE_PORTS)),
        );
      processes.startNode(name);
    }
    return processes;
  }

  startNetwork(): void {
    this.#run(
      'network',
      [
        'network',
        '--host=127.0.0.1',
        `--port=${this.#networkPort}`,
        `--control-port=${this.#controlPort}`,
        `--data=${join(this.#folder, 'network')}`,
        ...(this.#options.rateLimits ? [] : ['--no-rate-limits']),
      ],
      {
        NODE_OPTIONS: `--require ${resolve('test/support/diskFull.cjs')}`,
        WABA_TEST_DISK_FULL: this.#diskFull,
      },
    );
  }

  /** Fills the disk of the network process, or makes room on it. */
  async fillDisk(isFull: boolean): Promise<void> {
    if (isFull) await writeFile(this.#diskFull, '');
    else await rm(this.#diskFull, { force: true });
  }

  get #diskFull(): string {
    return join(this.#folder, 'disk-full');
  }

  /** Starts `master-0`, `coreapp-1` or `webapp-0`: the name determines the role and the address. */
  startNode(name: string): void {
    const role = name.replace(/-\d+$/, '');
    const address = this.address(name);
    const link = this.#links.get(name);
    const {
      isSingle = false,
      prefix = '',
      secret = '',
      rateLimits = false,
      serverName = this.address('webapp-0'),
    } = this.#options;
    this.#run(name, [role === 'webapp' ? 'webapp' : 'coreapp'], {
      WA_DB_ENGINE: this.#database.engine,
      WA_DB_HOSTNAME: '127.0.0.1',
      WA_DB_PORT: String(this.#database.port),
      WA_DB_USERNAME: 'waba',
      WA_DB_PASSWORD: this.#database.password,
      WA_DB_NAME_PREFIX: prefix,
      WA_APP_MULTICONNECT: isSingle ? '0' : '1',
      WA_MASTER_NODE: role === 'master' ? '1' : '0',
      WA_TCP_LISTEN_ADDRESS: 'any',
      WA_WEB_SERVERNAME: serverName,
      WA_API_KEY: API_KEY,
      WA_SECRET: secret,
      WACORE_HOSTNAME: this.address('coreapp-0'),
      COREAPP_HOSTNAME: link ? '127.0.0.1' : address,
      ...(link ? { COREAPP_EXTERNAL_PORTS: link.ports.join(',') } : {}),
      HOSTNAME: name,
      WABA_NETWORK_URL: `tcp://127.0.0.1:${this.#networkPort}`,
      WABA_RATE_LIMITS: rateLimits ? '1' : '0',
      // As in the vendor's templates: a cluster keeps its configuration in the database.
      WA_CONFIG_ON_DB: isSingle ? '0' : '1',
      WABA_DATA_PATH: join(this.#folder, 'waent'),
      // Links of tests lead to servers of this machine.
      WABA_MEDIA_HOSTS: '*',
      WABA_MEDIA_PATH: join(this.#folder, 'wamedia'),
      WABA_LOCAL_POD_IP: address,
      WABA_LOCAL_LOW_PORT_OFFSET: String(LOW_PORT_OFFSET),
      NODE_OPTIONS: `--require ${resolve('dist/podNetwork.cjs')}`,
    });
  }

  #run(name: string, args: readonly string[], env: Record<string, string>): void {
    const child = spawn(process.execPath, [resolve('dist/emulator.js'), ...args], {
      env: { ...process.env, ...env },
      stdio: 'ignore',
    });
    this.#children.set(name, child);
    child.once('exit', (code, signal) => {
      if (signal !== 'SIGKILL' && !this.#stopping.has(name)) this.ended.push(`${name}: ${signal ?? code}`);
    });
  }

  /** Of the network process, on 127.0.0.1. */
  get networkPort(): number {
    return this.#networkPort;
  }

  get controlPort(): number {
    return this.#controlPort;
  }

  address(name: string): string {
    const [role = '', index = '0'] = name.split('-');
    return `127.${this.#octet}.${['webapp', 'master', 'coreapp'].indexOf(role)}.${Number(index) + 1}`;
  }

  /** Process id of a node, of `network` or of `database`. */
  pid(name: string): number {
    return (name === 'database' ? this.#server?.process.pid : this.#children.get(name)?.pid) ?? 0;
  }

  signal(name: string, signal: NodeJS.Signals): void {
    this.#children.get(name)?.kill(signal);
  }

  /** Kills a process with SIGKILL and starts it again. */
  async kill(name: string): Promise<void> {
    const child = this.#children.get(name);
    child?.kill('SIGKILL');
    if (child) await exited(child);
    if (name === 'network') this.startNetwork();
    else this.startNode(name);
  }

  /** Stops a process as Kubernetes does and starts it again. */
  async restart(name: string): Promise<void> {
    const child = this.#children.get(name);
    this.#stopping.add(name);
    child?.kill('SIGTERM');
    if (child) await exited(child);
    this.#stopping.delete(name);
    this.startNode(name);
  }

  /** Cuts the links to this node; it still reaches the others. */
  cut(name: string): void {
    this.#links.get(name)?.cut();
  }

  mend(name: string): void {
    this.#links.get(name)?.mend();
  }

  /** Runs statements in a database of the stack, or at the server. */
  async sql(database: string, ...statements: string[]): Promise<void> {
    const { port, password } = this.#database;
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'waba', password, database });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  }

  /** Stops the server, with `SIGKILL` as in a crash, and starts it on the same data. */
  async restartDatabase(signal: 'SIGINT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    if (signal === 'SIGKILL' && this.#server) {
      this.#server.process.kill(signal);
      await exited(this.#server.process);
    } else await this.#server?.stop();
    await this.#startDatabase();
  }

  async webappAddress(): Promise<ApiAddress> {
    const host = this.address('webapp-0');
    const port = 443 + LOW_PORT_OFFSET;
    const serverName = this.#options.serverName ?? '';
    const caPem = await eventually(
      () => readAuthority({ addresses: [host], port, serverName: serverName || host }, never),
      60_000,
    );
    return { host, port, serverName, caPem };
  }

  async client(): Promise<StackClient> {
    const { caPem: ca, ...address } = await this.webappAddress();
    return new StackClient(new HttpsStackTransport({ ...address, ca }));
  }

  simulate(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#controlPort}${path}`, { method, body: JSON.stringify(body) });
  }

  async close(): Promise<void> {
    for (const child of this.#children.values()) child.kill('SIGKILL');
    await Promise.all([...this.#children.values()].map(exited));
    for (const link of this.#links.values()) await link.close();
    await this.#server?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #startDatabase(): Promise<void> {
    const { port, password } = this.#database;
    this.#server = await startPostgres(
      {
        dataFolder: join(this.#folder, 'database'),
        host: '127.0.0.1',
        port,
        username: 'waba',
        password,
        clock: systemClock,
        settings: { max_connections: '300' },
      },
      never,
    );
  }
}
