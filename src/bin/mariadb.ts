// Stands for the official MariaDB image on the local cluster, with the MariaDB of this machine: the same variables, the same
// arguments, the same port.
import { exited } from '../base/childProcess.ts';
import { describeError } from '../base/codedError.ts';
import { spawnMariadb } from '../base/mariadb/machineMariadb.ts';
import { stopSignal } from '../base/stopSignal.ts';

const { MARIADB_ROOT_PASSWORD, WABA_LOCAL_POD_IP = '127.0.0.1' } = process.env;
const DATA_FOLDER = '--datadir=';
const args = process.argv.slice(2);
const dataFolder = args.findLast((word) => word.startsWith(DATA_FOLDER))?.slice(DATA_FOLDER.length);
const stop = stopSignal();

try {
  if (!MARIADB_ROOT_PASSWORD) throw new Error('MARIADB_ROOT_PASSWORD is not set');
  const server = await spawnMariadb({
    dataFolder: dataFolder ?? '/var/lib/mysql',
    host: WABA_LOCAL_POD_IP,
    port: 3306,
    rootPassword: MARIADB_ROOT_PASSWORD,
    args: args.filter((word) => !word.startsWith(DATA_FOLDER)),
    stdio: 'inherit',
  });
  const end = () => void server.kill('SIGTERM');
  stop.addEventListener('abort', end);
  if (stop.aborted) end();
  const { code } = await exited(server);
  process.exitCode = stop.aborted ? 0 : (code ?? 1);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
