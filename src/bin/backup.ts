import { Command } from 'commander';
import { answeringServer } from '../backup/answeringServer.ts';
import type { BackupContext } from '../backup/backupContext.ts';
import { EXIT_CODES, PIPE_PATH } from '../backup/contract/contract.ts';
import { listBackups } from '../backup/listBackups.ts';
import { openDestination } from '../backup/openDestination.ts';
import { openForOperator } from '../backup/openForOperator.ts';
import { parseBackupEnvironment } from '../backup/parseBackupEnvironment.ts';
import { removeBackup } from '../backup/removeBackup.ts';
import { failureOf, leaveResult, type Outcome, Progress, resultLine } from '../backup/report.ts';
import { restoreBackup } from '../backup/restoreBackup.ts';
import { restoreMedia } from '../backup/restoreMedia.ts';
import { runBackup } from '../backup/runBackup.ts';
import { giveUp } from '../backup/toolPipe.ts';
import { verifyBackup } from '../backup/verifyBackup.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/silentLogger.ts';
import { stopSignal } from '../base/stopSignal.ts';
import { VERSION } from '../base/version.ts';

type Work = (context: BackupContext, signal: AbortSignal) => Promise<Outcome>;

// The image has a newer Node.js; whoever runs the program with Node.js 20 cannot act on the warning of the S3 client.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

const stop = stopSignal();
const print = (line: string) => void process.stdout.write(`${line}\n`);

/** Runs a command and tells how it ended: as the last line of stdout, and to Kubernetes. */
async function run(command: string, work: Work): Promise<void> {
  const started = performance.now();
  const durationMs = () => Math.round(performance.now() - started);
  const { WABA_BACKUP_NAME: name, WABA_TERMINATION_FILE: file = '/dev/termination-log' } = process.env;
  const { WABA_BACKUP_PIPE: pipe = PIPE_PATH } = process.env;
  let line: string;
  try {
    const environment = parseBackupEnvironment(process.env);
    const destination = await openDestination(environment);
    const openServer = async () => {
      const { openBackupServer } = await import('../stack/backupDatabases.ts');
      return answeringServer(await openBackupServer(process.env, silentLogger), systemClock, stop);
    };
    const progress = new Progress(print);
    try {
      const outcome = await work(
        { environment, destination, progress, clock: systemClock, openServer },
        stop,
      );
      line = resultLine({ ok: true, command, ...outcome, durationMs: durationMs() });
    } finally {
      destination.close();
    }
  } catch (error) {
    await giveUp(pipe);
    const failure = stop.aborted
      ? { code: 'Stopped', message: 'the program was told to stop', retriable: true }
      : failureOf(error);
    process.exitCode = failure.retriable ? EXIT_CODES.retriable : EXIT_CODES.final;
    line = resultLine({ ok: false, command, name, ...failure, durationMs: durationMs() });
  }
  print(line);
  await leaveResult(file, line);
}

const program = new Command('waba-backup')
  .description('Backups of a WhatsApp Business On-Premises stack: encrypted, to a folder or a bucket')
  .version(VERSION)
  .addHelpText(
    'after',
    `
Variables say what to do; secrets stand in files.

  WABA_BACKUP_DESTINATION      file:/destination or s3://bucket/prefix
  WABA_BACKUP_FOLDER           folder of the stack's backups, such as shops/shop
  WABA_BACKUP_NAME             name of the backup
  WABA_BACKUP_PASSPHRASE_FILE  file with the passphrase (run, verify, restore, restore-media, open)
  WABA_BACKUP_PIPE             folder that the database's tools share with this program, /pipe
  WABA_BACKUP_SECRETS_FOLDER   files <secret>/<key> to save (run)
  WABA_BACKUP_MEDIA_FOLDER     media to save (run), or where to restore them (restore-media)
  WABA_BACKUP_FACTS            JSON about the stack, for the manifest (run)
  WABA_BACKUP_VERIFY_DATABASES 1: verify restores the dumps into databases that it drops again
  WABA_BACKUP_OVERWRITE        1: restore replaces databases that hold tables
  WABA_BACKUP_READER_KEY       X25519 key, base64url, for which open seals what it prints
  WABA_API_URL                 https://… of the stack, for its own backup of its settings (run), with
                               WABA_API_CA_FILE, WABA_API_SERVER_NAME, WABA_API_USER, WABA_API_PASSWORD_FILE
  WABA_S3_ENDPOINT             of a server other than AWS; WABA_S3_REGION, WABA_S3_PATH_STYLE=1, WABA_S3_CA_FILE
  WABA_S3_CREDENTIALS_FOLDER   files accessKeyId, secretAccessKey and perhaps sessionToken
  WA_DB_*                      the database, as the stack has it

run, restore, and verify with databases need the database's own tools beside them: start the text of
\`waba-backup script\` with sh where pg_dump or mysqldump are, with the same WA_DB_* and WABA_BACKUP_PIPE.

The last line of stdout is the result as JSON. docs/backup-format.md describes the objects, and how to open them with
age and the database's tools alone.
`,
  );

const add = (name: string, description: string, work: Work) =>
  program
    .command(name)
    .description(description)
    .action(() => run(name, work));

add('run', 'makes a backup', runBackup);
add('list', 'prints the backups in the folder, a line of JSON for each', (context, signal) =>
  listBackups(context, print, signal),
);
add('verify', 'reads a backup as a whole and checks it', verifyBackup);
add('restore', 'restores the databases of a backup', restoreBackup);
add('restore-media', 'restores the media of a backup, and keeps what is there', restoreMedia);
add('open', 'prints the facts and Secrets of a backup, sealed for the operator', (context, signal) =>
  openForOperator(context, print, signal),
);
add('remove', 'removes a backup', removeBackup);
program
  .command('script')
  .description('prints what runs beside this program where the tools of the database are')
  .argument('<engine>', 'PGSQL or MYSQL')
  .action(async (engine: string) => {
    const { dumpScript, SCRIPT_ENGINES } = await import('../backup/contract/dumpScript.ts');
    const known = SCRIPT_ENGINES.find((name) => name === engine.toUpperCase());
    if (!known) throw new Error(`${engine} is none of ${SCRIPT_ENGINES.join(', ')}`);
    process.stdout.write(dumpScript(known));
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`error: ${failureOf(error).message}\n`);
  process.exitCode = 1;
}
