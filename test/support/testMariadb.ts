import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { exited, findExecutable } from '../../src/runtime/childProcess.ts';
import { freePort } from '../../src/runtime/ports.ts';
import type { TestDatabase } from './emulatorStack.ts';
import { eventually } from './eventually.ts';

/** Where Debian puts it. */
const SERVER = findExecutable('mariadbd', `${process.env.PATH}:/usr/sbin`);
const PASSWORD = 'test-password';

/** A MariaDB of Debian's package in a scratch folder, as durable as in production. */
export async function testMariadb(): Promise<TestDatabase> {
  if (!SERVER) throw new Error('mariadbd is not installed; apt-get install mariadb-server');
  const folder = await mkdtemp(join(tmpdir(), 'waba-mariadb-'));
  const datadir = join(folder, 'data');
  const socket = join(folder, 'socket');
  const port = await freePort();
  // Whoever runs the tests owns the files; only root has to say so.
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  execFileSync(
    'mariadb-install-db',
    [
      '--no-defaults',
      `--datadir=${datadir}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...user,
    ],
    { stdio: 'ignore' },
  );
  const server = spawn(
    SERVER,
    [
      ...['--no-defaults', ...user, `--datadir=${datadir}`, `--port=${port}`, `--socket=${socket}`],
      ...['--bind-address=127.0.0.1', '--max-connections=300', '--innodb-flush-log-at-trx-commit=1'],
    ],
    { stdio: 'ignore' },
  );
  const connection = await eventually(() => createConnection({ socketPath: socket, user: 'root' }));
  await connection.query(`CREATE USER 'waba'@'%' IDENTIFIED BY '${PASSWORD}'`);
  await connection.query(`GRANT ALL ON *.* TO 'waba'@'%'`);
  await connection.end();
  return {
    engine: 'MYSQL',
    port,
    password: PASSWORD,
    close: async () => {
      server.kill('SIGTERM');
      await exited(server);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
