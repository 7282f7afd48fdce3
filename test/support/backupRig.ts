import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { BACKUP_PROGRAM, type BackupResult, backupResult } from '../../src/backup/contract/contract.ts';
import { dumpScript } from '../../src/backup/contract/dumpScript.ts';
import { exited, spawnBound } from '../../src/base/childProcess.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { openBackupServer } from '../../src/stack/backupDatabases.ts';
import { openDatabases } from '../../src/stack/store/databases.ts';
import { ALL_DATABASES, upgradeSchema } from '../../src/stack/store/upgrade.ts';
import { type DatabaseCertificate, type TestDatabase, testPostgres } from './emulatorStack.ts';
import { testMariadb } from './testMariadb.ts';

export const PASSPHRASE = 'correct horse battery staple';
/** As the image has it. */
const PROGRAM = `dist/images/waba-stack${BACKUP_PROGRAM}`;
export const PREFIX = 'shop_';
const DEBIAN = '/usr/lib/postgresql';

/** PostgreSQL of the same release as the pg_dump of this machine: an older pg_dump refuses a newer server. */
async function debianPostgres(tls?: DatabaseCertificate): Promise<TestDatabase> {
  const [version] = (await readdir(DEBIAN)).sort((a, b) => Number(b) - Number(a));
  if (version === undefined) throw new Error('PostgreSQL is not installed; npm run setup -- pg_dump');
  return testPostgres(tls, join(DEBIAN, version));
}

interface Ended {
  readonly code: number | null;
  readonly result: BackupResult;
  readonly lines: readonly unknown[];
  /** How the script of the database's container ended; undefined if there was none. */
  readonly tool: { readonly code: number | null; readonly log: string } | undefined;
}

/** The two programs of a backup's pod while they run. */
export interface RunningBackup {
  readonly agent: ChildProcess;
  readonly tool: ChildProcess | undefined;
  readonly pipe: string;
  readonly ended: Promise<Ended>;
}

type Variables = Readonly<Record<string, string>>;

/** A database server with the stack's databases, and folders for a destination, Secrets and media. */
export async function startBackupRig(engine: 'PGSQL' | 'MYSQL', tls?: DatabaseCertificate) {
  const database = await (engine === 'PGSQL' ? debianPostgres(tls) : testMariadb(tls));
  const folder = await mkdtemp(join(tmpdir(), 'waba-backup-'));
  const at = (...path: string[]) => join(folder, ...path);
  await mkdir(at('destination'));
  await mkdir(at('secrets/shop-database'), { recursive: true });
  await mkdir(at('media/sub'), { recursive: true });
  await writeFile(at('secrets/shop-database/password'), 'hidden');
  await writeFile(at('media/sub/photo.jpg'), 'a photo');
  await writeFile(at('passphrase'), `${PASSPHRASE}\n`);
  const databaseVariables = {
    WA_DB_ENGINE: engine,
    WA_DB_HOSTNAME: '127.0.0.1',
    WA_DB_PORT: String(database.port),
    WA_DB_USERNAME: 'waba',
    WA_DB_PASSWORD: database.password,
    WA_DB_NAME_PREFIX: PREFIX,
  };
  const variables: Variables = {
    ...databaseVariables,
    WABA_BACKUP_DESTINATION: `file:${at('destination')}`,
    WABA_BACKUP_FOLDER: 'shops/shop',
    WABA_BACKUP_PASSPHRASE_FILE: at('passphrase'),
    WABA_BACKUP_SECRETS_FOLDER: at('secrets'),
    WABA_BACKUP_MEDIA_FOLDER: at('media'),
    WABA_BACKUP_FACTS: JSON.stringify({ stack: 'shop', shards: 2 }),
    WABA_BACKUP_START_SECONDS: '30',
    WABA_BACKUP_SILENCE_SECONDS: '4',
    WABA_TERMINATION_FILE: at('termination'),
  };
  const settings = {
    engine,
    host: '127.0.0.1',
    port: database.port,
    username: 'waba',
    password: database.password,
    prefix: PREFIX,
  };
  const databases = openDatabases(settings, silentLogger);
  await upgradeSchema(settings, databases, ALL_DATABASES, silentLogger);

  /** Starts the agent, and beside it the script, as the containers of a pod: the script and its tool die together. */
  const start = async (
    command: string,
    options: { variables?: Variables; tool?: Variables | false; script?: string } = {},
  ): Promise<RunningBackup> => {
    const pipe = await mkdtemp(at('pipe-'));
    const env = { ...process.env, ...variables, WABA_BACKUP_PIPE: pipe, ...options.variables };
    const agent = spawnBound([PROGRAM, command], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const tool =
      options.tool === false
        ? undefined
        : spawn('sh', ['-c', options.script ?? dumpScript(engine)], {
            env: { ...env, ...options.tool },
            stdio: ['ignore', 'ignore', 'pipe'],
            detached: true,
          });
    const log = tool?.stderr ? text(tool.stderr) : Promise.resolve('');
    const printed = agent.stdout ? text(agent.stdout) : Promise.resolve('');
    const end = async (): Promise<Ended> => {
      const [{ code }, toolEnd] = await Promise.all([exited(agent), tool && exited(tool)]);
      const lines = (await printed)
        .split('\n')
        .filter(Boolean)
        .map((line): unknown => JSON.parse(line));
      const killed = { ok: false, command, code: 'Killed', message: '', retriable: true, durationMs: 0 };
      return {
        code,
        result: backupResult.parse(code === null ? killed : lines.at(-1)),
        lines,
        tool: toolEnd && { code: toolEnd.code, log: await log },
      };
    };
    return { agent, tool, pipe, ended: end() };
  };
  return {
    engine,
    folder,
    database,
    databases,
    server: await openBackupServer(databaseVariables, silentLogger),
    variables,
    start,
    run: async (...args: Parameters<typeof start>) => (await start(...args)).ended,
    destination: () => filesBelow(at('destination')),
    async close() {
      await databases.close();
      await this.server.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type BackupRig = Awaited<ReturnType<typeof startBackupRig>>;

/** The files below a folder, by path. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
