import { basename } from 'node:path';
import { Argument, type Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { ROTATION_WORK, type RotationWork } from '../onprem/passwordRotation.ts';
import { parseCount } from './emulatorOptions.ts';
import { role, roles, stop, whileTraced } from './emulatorProcess.ts';

/** Our one image stands for both images of the vendor: the variables of a container tell which. */
async function launch(): Promise<void> {
  const { runCoreapp, runWebapp } = await roles();
  const { COREAPP_HOSTNAME, WA_MASTER_NODE, WA_DB_UPGRADE } = process.env;
  const isCoreapp = COREAPP_HOSTNAME !== undefined || WA_MASTER_NODE === '1' || WA_DB_UPGRADE === '1';
  return isCoreapp
    ? whileTraced('waba-coreapp', () => runCoreapp(role, stop))
    : whileTraced('waba-webapp', () => runWebapp(role, stop));
}

/** Runs as the entry point of an image of the vendor, which is named after one of its scripts. */
export async function runScript(name: string, args: readonly string[]): Promise<void> {
  if (name.startsWith('wait_on_')) await (await roles()).waitOnDatabase(role, stop);
  const next = name.startsWith('wait_on_') ? basename(args[0] ?? '') : name;
  if (next === 'launch_within_docker.sh') await launch();
  else if (next !== '')
    throw new Error(`cannot run ${args.join(' ')}; only launch_within_docker.sh is known`);
}

/** The roles of the containers of a stack, and of the Jobs around it. */
export function addNodeCommands(command: Command): void {
  command
    .command('webapp')
    .description('runs the container of the web image, configured by WA_* variables')
    .action(async () => {
      const { runWebapp } = await roles();
      await whileTraced('waba-webapp', () => runWebapp(role, stop));
    });
  command
    .command('coreapp')
    .description('runs the container of the coreapp image, configured by WA_* variables')
    .action(async () => {
      const { runCoreapp } = await roles();
      await whileTraced('waba-coreapp', () => runCoreapp(role, stop));
    });
  command
    .command('check-database')
    .description(
      'checks the database server that WA_DB_* variables name, and prints one line of JSON with the verdict',
    )
    .option('--connections <number>', 'free connections that the stack needs', parseCount, 1)
    .option('--wait', 'checks until the stack can work with the server')
    .action(async ({ connections: needed, wait = false }: { connections: number; wait?: boolean }) => {
      const print = (line: string) => void process.stdout.write(`${line}\n`);
      const isReady = await (await roles()).runDatabaseCheck(role, { needed, wait, print }, stop);
      process.exitCode = isReady ? 0 : 1;
    });
  command
    .command('rotate-password')
    .description(
      'does one step of a rotation of the database password, as the WABA_DB_ACCOUNT* variables say',
    )
    .addArgument(new Argument('<step>', 'prepare or retire').choices(ROTATION_WORK))
    .action(async (work: RotationWork) => {
      const print = (line: string) => void process.stdout.write(`${line}\n`);
      const { runPasswordRotation } = await roles();
      await runPasswordRotation({ env: process.env, clock: systemClock, work, print }, stop);
    });
}
