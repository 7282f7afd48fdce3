import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { type PostgresServer, startPostgres } from '../../src/postgres/embeddedPostgres.ts';
import { readAuthority } from '../../src/reconcile/webappAuthority.ts';
import { exited } from '../../src/runtime/childProcess.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { freePort } from '../../src/runtime/ports.ts';
import { eventually } from './eventually.ts';

const never = new AbortController().signal;
/** Ports below 1024 are served this much higher, so that no right is needed. */
const LOW_PORT_OFFSET = 20_000;

/** The roles of a stack as processes of their own, each at an address of its own, as containers would be. */
export class EmulatorProcesses {
  readonly #folder: string;
  readonly #databasePort: number;
  readonly #networkPort: number;
  readonly #controlPort: number;
  readonly #children = new Map<string, ChildProcess>();
  #database: PostgresServer;
  /** Second octet of the addresses; runs side by side on one machine keep apart. */
  readonly #octet = 60 + (process.pid % 30);

  private constructor(folder: string, ports: [number, number, number], database: PostgresServer) {
    this.#folder = folder;
    [this.#databasePort, this.#networkPort, this.#controlPort] = ports;
    this.#database = database;
  }

  static async start(nodes: readonly string[]): Promise<EmulatorProcesses> {
    const folder = await mkdtemp(join(tmpdir(), 'waba-processes-'));
    const ports: [number, number, number] = [await freePort(), await freePort(), await freePort()];
    const processes = new EmulatorProcesses(folder, ports, await startDatabase(folder, ports[0]));
    processes.#run(
      'network',
      [
        'network',
        '--host=127.0.0.1',
        `--port=${ports[1]}`,
        `--control-port=${ports[2]}`,
        `--data=${join(folder, 'network')}`,
      ],
      {},
    );
    for (const name of [...nodes, 'webapp-0']) processes.startNode(name);
    return processes;
  }

  /** `master-0`, `coreapp-1`, `webapp-0`: the name tells the role and the address. */
  startNode(name: string): void {
    const role = name.replace(/-\d+$/, '');
    const address = this.address(name);
    this.#run(name, [role === 'webapp' ? 'webapp' : 'coreapp'], {
      WA_DB_ENGINE: 'PGSQL',
      WA_DB_HOSTNAME: '127.0.0.1',
      WA_DB_PORT: String(this.#databasePort),
      WA_DB_USERNAME: 'waba',
      WA_DB_PASSWORD: 'secret',
      WA_APP_MULTICONNECT: '1',
      WA_MASTER_NODE: role === 'master' ? '1' : '0',
      WA_TCP_LISTEN_ADDRESS: 'any',
      WA_WEB_SERVERNAME: address,
      WA_API_KEY: 'test-api-key-0001',
      COREAPP_HOSTNAME: address,
      HOSTNAME: name,
      WABA_NETWORK_URL: `tcp://127.0.0.1:${this.#networkPort}`,
      WABA_RATE_LIMITS: '0',
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
  }

  address(name: string): string {
    const [role = '', index = '0'] = name.split('-');
    return `127.${this.#octet}.${['webapp', 'master', 'coreapp'].indexOf(role)}.${Number(index) + 1}`;
  }

  signal(name: string, signal: NodeJS.Signals): void {
    this.#children.get(name)?.kill(signal);
  }

  /** Ends it without a word, and begins another life of it. */
  async kill(name: string): Promise<void> {
    const child = this.#children.get(name);
    child?.kill('SIGKILL');
    if (child) await exited(child);
    this.startNode(name);
  }

  async restartDatabase(): Promise<void> {
    await this.#database.stop();
    this.#database = await startDatabase(this.#folder, this.#databasePort);
  }

  async client(): Promise<StackClient> {
    const host = this.address('webapp-0');
    const port = 443 + LOW_PORT_OFFSET;
    const ca = await eventually(
      () => readAuthority({ addresses: [host], port, serverName: host }, never),
      60_000,
    );
    return new StackClient(new HttpsStackTransport({ host, port, ca, serverName: '' }));
  }

  simulate(method: string, path: string, body: object): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#controlPort}${path}`, { method, body: JSON.stringify(body) });
  }

  async close(): Promise<void> {
    for (const child of this.#children.values()) child.kill('SIGKILL');
    await Promise.all([...this.#children.values()].map(exited));
    await this.#database.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const startDatabase = (folder: string, port: number): Promise<PostgresServer> =>
  startPostgres(
    {
      dataFolder: join(folder, 'database'),
      host: '127.0.0.1',
      port,
      username: 'waba',
      password: 'secret',
      clock: systemClock,
      settings: { max_connections: '300' },
    },
    never,
  );
