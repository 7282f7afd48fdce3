import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { exited, findExecutable } from '../../src/base/childProcess.ts';
import { freePort } from '../../src/base/ports.ts';
import { certificateFiles, type DatabaseCertificate, type TestDatabase } from './emulatorStack.ts';
import { eventually } from './eventually.ts';

/** Debian installs it in /usr/sbin. */
const SERVER = findExecutable('mariadbd', `${process.env.PATH}:/usr/sbin`);
const LOG_LENGTH = 10_000;
const PASSWORD = 'test-password';

/** A MariaDB from Debian's package in a scratch folder, with the durability of production. */
export async function testMariadb(
  tls?: DatabaseCertificate,
): Promise<TestDatabase & { restart(signal: NodeJS.Signals): Promise<void> }> {
  if (!SERVER) throw new Error('mariadbd is not installed; apt-get install mariadb-server');
  const folder = await mkdtemp(join(tmpdir(), 'waba-mariadb-'));
  const datadir = join(folder, 'data');
  const socket = join(folder, 'socket');
  const port = await freePort();
  // A starting server deletes files of its temporary folder. With a shared folder it would delete tables in use by another
  // server, which then crashes.
  const scratch = join(folder, 'tmp');
  await mkdir(scratch);
  // The user who runs the tests owns the files; mariadbd runs as root only if told so.
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  execFileSync(
    'mariadb-install-db',
    [
      '--no-defaults',
      `--datadir=${datadir}`,
      `--tmpdir=${scratch}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...user,
    ],
    { stdio: 'ignore' },
  );
  const files = tls && (await certificateFiles(folder, tls));
  const flags = [
    ...['--no-defaults', ...user, `--datadir=${datadir}`, `--tmpdir=${scratch}`],
    ...[`--port=${port}`, `--socket=${socket}`],
    ...['--bind-address=127.0.0.1', '--max-connections=300', '--innodb-flush-log-at-trx-commit=1'],
    ...(files ? [`--ssl-cert=${files.cert}`, `--ssl-key=${files.key}`, `--ssl-ca=${files.ca}`] : []),
  ];
  let closing = false;
  const run = () => {
    // Logged in full if the server exits unexpectedly; otherwise later tests report only connection errors.
    const child = spawn(SERVER, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr?.on('data', (text: Buffer) => {
      log = `${log}${text}`.slice(-LOG_LENGTH);
    });
    child.once('exit', (code, signal) => {
      if (!closing) process.stderr.write(`${SERVER} exited unexpectedly, ${signal ?? code}:\n${log}\n`);
    });
    return child;
  };
  let server = run();
  const stop = async (signal: NodeJS.Signals) => {
    closing = true;
    server.kill(signal);
    await exited(server);
  };
  const connection = await eventually(() => createConnection({ socketPath: socket, user: 'root' }));
  await connection.query(`CREATE USER 'waba'@'%' IDENTIFIED BY '${PASSWORD}'`);
  await connection.query(`GRANT ALL ON *.* TO 'waba'@'%'`);
  await connection.end();
  return {
    engine: 'MYSQL',
    port,
    password: PASSWORD,
    restart: async (signal: NodeJS.Signals) => {
      await stop(signal);
      closing = false;
      server = run();
      const again = await eventually(() => createConnection({ socketPath: socket, user: 'root' }));
      await again.end();
    },
    close: async () => {
      await stop('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
