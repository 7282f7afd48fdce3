import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { exited, findExecutable } from '../../src/base/childProcess.ts';
import { freePort } from '../../src/base/ports.ts';
import { certificateFiles, type DatabaseCertificate, type TestDatabase } from './emulatorStack.ts';
import { eventually } from './eventually.ts';

/** Where Debian puts it. */
const SERVER = findExecutable('mariadbd', `${process.env.PATH}:/usr/sbin`);
const LOG_LENGTH = 10_000;
const PASSWORD = 'test-password';

/** A MariaDB of Debian's package in a scratch folder, as durable as in production. */
export async function testMariadb(tls?: DatabaseCertificate): Promise<TestDatabase> {
  if (!SERVER) throw new Error('mariadbd is not installed; apt-get install mariadb-server');
  const folder = await mkdtemp(join(tmpdir(), 'waba-mariadb-'));
  const datadir = join(folder, 'data');
  const socket = join(folder, 'socket');
  const port = await freePort();
  // A server that starts removes what it takes for left behind there: with a folder in common, tables that another one
  // is just using, which then crashes.
  const scratch = join(folder, 'tmp');
  await mkdir(scratch);
  // Whoever runs the tests owns the files; only root has to say so.
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
  const server = spawn(
    SERVER,
    [
      ...['--no-defaults', ...user, `--datadir=${datadir}`, `--tmpdir=${scratch}`],
      ...[`--port=${port}`, `--socket=${socket}`],
      ...['--bind-address=127.0.0.1', '--max-connections=300', '--innodb-flush-log-at-trx-commit=1'],
      ...(files ? [`--ssl-cert=${files.cert}`, `--ssl-key=${files.key}`, `--ssl-ca=${files.ca}`] : []),
    ],
    // Told in full where it ends by itself; else every test after it speaks of the database only.
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  server.stderr?.on('data', (text: Buffer) => {
    log = `${log}${text}`.slice(-LOG_LENGTH);
  });
  let closing = false;
  server.once('exit', (code, signal) => {
    if (!closing) process.stderr.write(`${SERVER} ended by itself, ${signal ?? code}:\n${log}\n`);
  });
  const connection = await eventually(() => createConnection({ socketPath: socket, user: 'root' }));
  await connection.query(`CREATE USER 'waba'@'%' IDENTIFIED BY '${PASSWORD}'`);
  await connection.query(`GRANT ALL ON *.* TO 'waba'@'%'`);
  await connection.end();
  return {
    engine: 'MYSQL',
    port,
    password: PASSWORD,
    close: async () => {
      closing = true;
      server.kill('SIGTERM');
      await exited(server);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
