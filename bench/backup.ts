import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { exited } from '../src/base/childProcess.ts';
import { type BackupRig, PREFIX, startBackupRig } from '../test/support/backupRig.ts';
import { testS3 } from '../test/support/testS3.ts';
import { printTable } from './printTable.ts';
import { cpuSecondsOfAll, ownBytes, peakResidentBytes } from './processCpu.ts';

// Backups beside the bare dump tool in the same run: half of the content is text, half is random.
/** 5,200 bytes each. `BACKUP_ROWS=200000` makes a gigabyte. */
const ROWS = Number(process.env.BACKUP_ROWS ?? 40_000);
const TEXT = "repeat('Hello, it is a message; ', 100)";
const POLL_MS = 50;
const ROUNDS = 2;
const ENGINES = ['PGSQL', 'MYSQL'] as const;

/** The same tool with the same flags, thrown away. */
const BARE = {
  PGSQL: 'pg_dump --host=127.0.0.1 --port=$WA_DB_PORT --username=waba --format=custom --compress=1',
  MYSQL: `mariadb-dump --no-defaults --host=127.0.0.1 --port=$WA_DB_PORT --user=waba --single-transaction --quick \\
    --routines --triggers --databases`,
} as const;
const FILL = {
  PGSQL: `INSERT INTO bulk SELECT i, ${TEXT}, (SELECT decode(string_agg(md5(random()::text || i || k), ''), 'hex')
    FROM generate_series(1, 150) k) FROM generate_series(1, ${ROWS}) i`,
  MYSQL: `INSERT INTO bulk SELECT seq, ${TEXT}, concat(random_bytes(1000), random_bytes(1000), random_bytes(400))
    FROM seq_1_to_${ROWS}`,
} as const;

/** As the backup has it: pg_dump compresses by itself. */
const KEPT = { PGSQL: 'cat', MYSQL: 'zstd -1 --quiet --stdout' } as const;

const percent = (of: number, ms: number): string => `${((100 * of) / ms).toFixed(0)} %`;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
/** Of all that takes part: the server, the tool, the program, a bucket. */
const cpuOf = ({ cpu }: { readonly cpu: number }): string => `${cpu.toFixed(1)} s of CPU in all`;
const rows: [string, string][] = [];
const s3 = await testS3();
// A proxy would take its share of the processor.
const bucket = s3.variables('bench', s3.server);
try {
  for (const engine of ENGINES) rows.push(...(await benchEngine(engine)));
} finally {
  await s3.close();
}
printTable(rows);

async function benchEngine(engine: (typeof ENGINES)[number]): Promise<[string, string][]> {
  const rig = await startBackupRig(engine);
  try {
    const database = rig.databases.message as unknown as Kysely<unknown>;
    const blob = sql.raw(engine === 'PGSQL' ? 'bytea' : 'mediumblob');
    await sql`CREATE TABLE bulk (id int primary key, body text, content ${blob})`.execute(database);
    await sql.raw(FILL[engine]).execute(database);
    const found: [string, string][] = [];
    // The first run warms the caches of the server.
    await bareRun(rig, 'cat > /dev/null');
    const bare = await bestBare(rig, 'cat > /dev/null');
    found.push([`${engine}: the dump tool alone, best of ${ROUNDS}`, `${seconds(bare.ms)}; ${cpuOf(bare)}`]);
    const file = join(rig.folder, 'bare');
    const kept = await bestBare(rig, `${KEPT[engine]} > ${file} && sync ${file}`);
    found.push([`${engine}: the same, compressed and on the disk`, `${seconds(kept.ms)}; ${cpuOf(kept)}`]);
    for (const [where, variables] of Object.entries({ folder: {}, bucket }))
      for (const command of ['run', 'verify'] as const) {
        const { ms, cpu, bytes, peak, own } = await best(rig, command, variables);
        const share =
          command === 'run'
            ? `, ${percent(bare.ms, ms)} of the tool alone, ${percent(kept.ms, ms)} with the disk`
            : '';
        found.push([
          `${engine}: ${command}, ${where}`,
          `${seconds(ms)}${share}; ${cpuOf({ cpu })}; ${megabytes(bytes)} stored; at most ${megabytes(peak)} of memory, ${megabytes(own)} of its own`,
        ]);
      }
    return found;
  } finally {
    await rig.close();
  }
}

interface Bare {
  readonly ms: number;
  /** Seconds of the server, the tool and what reads its output. */
  readonly cpu: number;
}

async function bareRun({ engine, variables }: BackupRig, sink: string): Promise<Bare> {
  const { WA_DB_PASSWORD: password } = variables;
  const env = { ...process.env, ...variables, PGPASSWORD: password, MYSQL_PWD: password };
  const started = performance.now();
  const before = cpuSecondsOfAll(process.pid);
  const command = `${BARE[engine]} ${PREFIX}messageStore | ${sink}`;
  await exited(spawn('sh', ['-c', command], { env, stdio: 'inherit' }));
  return { ms: performance.now() - started, cpu: cpuSecondsOfAll(process.pid) - before };
}

async function bestBare(rig: BackupRig, sink: string): Promise<Bare> {
  const found: Bare[] = [];
  for (let round = 0; round < ROUNDS; round++) found.push(await bareRun(rig, sink));
  return { ms: Math.min(...found.map(({ ms }) => ms)), cpu: Math.min(...found.map(({ cpu }) => cpu)) };
}

async function best(rig: BackupRig, command: 'run' | 'verify', variables: Record<string, string>) {
  const found: { ms: number; cpu: number; bytes: number; peak: number; own: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = cpuSecondsOfAll(process.pid);
    const running = await rig.start(command, {
      variables: { MALLOC_ARENA_MAX: '1', WABA_BACKUP_NAME: `${rig.engine}-${round}`, ...variables },
      ...(command === 'run' ? {} : { tool: false as const }),
    });
    let peak = 0;
    let own = 0;
    const timer = setInterval(() => {
      try {
        peak = Math.max(peak, peakResidentBytes(running.agent.pid ?? 0));
        own = Math.max(own, ownBytes(running.agent.pid ?? 0));
      } catch {
        // It has just ended.
      }
    }, POLL_MS);
    const { result } = await running.ended;
    clearInterval(timer);
    if (!result.ok) throw new Error(result.message);
    const cpu = cpuSecondsOfAll(process.pid) - before;
    found.push({ ms: result.durationMs, cpu, bytes: result.storedBytes ?? 0, peak, own });
  }
  const byTime = found.sort((a, b) => a.ms - b.ms);
  return {
    ms: byTime[0]?.ms ?? 0,
    cpu: Math.min(...found.map(({ cpu }) => cpu)),
    bytes: byTime[0]?.bytes ?? 0,
    peak: Math.max(...found.map(({ peak }) => peak)),
    own: Math.max(...found.map(({ own }) => own)),
  };
}
