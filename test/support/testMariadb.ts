import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { exited } from '../../src/base/childProcess.ts';
import { spawnMariadb } from '../../src/base/mariadb/machineMariadb.ts';
import { freePort } from '../../src/base/ports.ts';
import { certificateFiles, type DatabaseCertificate, type TestDatabase } from './emulatorStack.ts';
import { eventually } from './eventually.ts';

const HOST = '127.0.0.1';
const LOG_LENGTH = 10_000;
const PASSWORD = 'test-password';

/** The MariaDB of this machine in a scratch folder, with the durability of production. */
export async function testMariadb(
  tls?: DatabaseCertificate,
  args: readonly string[] = [],
): Promise<
  TestDatabase & {
    restart(signal: NodeJS.Signals): Promise<void>;
    stop(signal: NodeJS.Signals): Promise<void>;
  }
> {
  const folder = await mkdtemp(join(tmpdir(), 'waba-mariadb-'));
  const port = await freePort();
  const files = tls && (await certificateFiles(folder, tls));
  let closing = false;
  const connect = () => createConnection({ host: HOST, port, user: 'root', password: PASSWORD });
  const run = async () => {
    const child = await spawnMariadb({
      dataFolder: join(folder, 'data'),
      host: HOST,
      port,
      rootPassword: PASSWORD,
      args: [
        ...['--max-connections=300', '--innodb-flush-log-at-trx-commit=1'],
        ...(files ? [`--ssl-cert=${files.cert}`, `--ssl-key=${files.key}`, `--ssl-ca=${files.ca}`] : []),
        ...args,
      ],
      stdio: 'pipe',
    });
    child.stdout?.resume();
    // Logged in full if the server exits unexpectedly; otherwise later tests report only connection errors.
    let log = '';
    child.stderr?.on('data', (text: Buffer) => {
      log = `${log}${text}`.slice(-LOG_LENGTH);
    });
    child.once('exit', (code, signal) => {
      if (!closing) process.stderr.write(`mariadbd exited unexpectedly, ${signal ?? code}:\n${log}\n`);
    });
    return { child, connection: await eventually(connect) };
  };
  let { child: server, connection } = await run();
  const stop = async (signal: NodeJS.Signals) => {
    closing = true;
    server.kill(signal);
    await exited(server);
  };
  await connection.query(`CREATE USER 'waba'@'%' IDENTIFIED BY '${PASSWORD}'`);
  await connection.query(`GRANT ALL ON *.* TO 'waba'@'%'`);
  // With this right a replica takes writes that nobody else gets.
  await connection.query(`REVOKE READ ONLY ADMIN ON *.* FROM 'waba'@'%'`);
  await connection.end();
  return {
    engine: 'MYSQL',
    port,
    password: PASSWORD,
    stop,
    restart: async (signal: NodeJS.Signals) => {
      await stop(signal);
      closing = false;
      ({ child: server, connection } = await run());
      await connection.end();
    },
    close: async () => {
      await stop('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
