// Stands for the official PostgreSQL image on the local cluster, with the PostgreSQL of this machine or that of npm: the same
// variables, the same port.
import { exited } from '../base/childProcess.ts';
import { systemClock } from '../base/clock.ts';
import { describeError } from '../base/codedError.ts';
import { startPostgres } from '../base/postgres/embeddedPostgres.ts';
import { machinePostgres } from '../base/postgres/machinePostgres.ts';
import { stopSignal } from '../base/stopSignal.ts';

const {
  POSTGRES_USER = 'postgres',
  POSTGRES_PASSWORD,
  PGDATA = '/var/lib/postgresql/data',
  WABA_LOCAL_POD_IP = '127.0.0.1',
} = process.env;
const args = process.argv.slice(2);
const settings = Object.fromEntries(
  args.flatMap((word, index) =>
    word === '-c' ? [(args[index + 1] ?? '').split(/=(.*)/s).slice(0, 2) as [string, string]] : [],
  ),
);
const stop = stopSignal();

try {
  if (!POSTGRES_PASSWORD) throw new Error('POSTGRES_PASSWORD is not set');
  const server = await startPostgres(
    {
      dataFolder: PGDATA,
      programs: await machinePostgres(PGDATA),
      host: WABA_LOCAL_POD_IP,
      port: 5432,
      username: POSTGRES_USER,
      password: POSTGRES_PASSWORD,
      settings,
      clock: systemClock,
      stdio: 'inherit',
    },
    stop,
  );
  stop.addEventListener('abort', () => void server.stop());
  const { code } = await exited(server.process);
  process.exitCode = stop.aborted ? 0 : (code ?? 1);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
