import { styleText } from 'node:util';
import { Command, CommanderError } from 'commander';
import { CodedError } from '../base/codedError.ts';
import { clusterOptions, openCluster } from './clusterAccess.ts';
import { CommandExit } from './commandExit.ts';
import { COMPLETION_WORDS, completionCommand, printCompletions } from './completionCommand.ts';
import type { CliContext, CliHost } from './context.ts';
import { EXIT_CODES, exitCodeHelp } from './exitCodes.ts';
import { explainError } from './explainError.ts';
import { fleetCommand } from './fleet/fleetCommand.ts';
import { isColoured } from './isColoured.ts';
import { localCommand } from './localCommand.ts';
import { namespaceCommand } from './namespaceCommand.ts';
import { quickstartCommand } from './quickstart/quickstartCommand.ts';
import { contactsCommand, loginCommand, sendCommand, usersCommand } from './stack/apiCommands.ts';
import { backupCommand } from './stack/backupCommand.ts';
import { capacityCommand } from './stack/capacityCommand.ts';
import { chatCommand } from './stack/chatCommand.ts';
import { databaseCommand } from './stack/databaseCommand.ts';
import { doctorCommand } from './stack/doctor/doctorCommand.ts';
import { eventsCommand } from './stack/eventsCommand.ts';
import { hibernateCommand } from './stack/hibernateCommand.ts';
import { logsCommand } from './stack/logsCommand.ts';
import { pageCommand } from './stack/pageCommand.ts';
import { planCommand } from './stack/planCommand.ts';
import { restartCommand } from './stack/restartCommand.ts';
import { rotatePasswordCommand } from './stack/rotatePasswordCommand.ts';
import { shardsCommand } from './stack/shardsCommand.ts';
import {
  checkCommand,
  demoCommand,
  pauseCommand,
  supportCommand,
  verifyCommand,
} from './stack/stackCommands.ts';
import { statusCommand } from './stack/statusCommand.ts';
import { upgradeCommand } from './stack/upgradeCommand.ts';
import { waitCommand } from './stack/waitCommand.ts';
import { webhooksCommand } from './stack/webhooksCommand.ts';
import { versionCommand } from './versionCommand.ts';

const HELP_HINT = '(add --help for help)';

/** Runs one command. @returns the exit code, one of `EXIT_CODES` */
export async function runCli(
  args: readonly string[],
  host: CliHost,
  connect: typeof openCluster = openCluster,
): Promise<number> {
  let server: string | undefined;
  const openCluster: CliContext['openCluster'] = async (options) => {
    const access = await connect(options, host);
    server = access.server;
    return access;
  };
  const context: CliContext = { ...host, openCluster };
  const program = programOf(context);
  // Not parsed: the words are those of another command line, which may be incomplete.
  if (args[0] === COMPLETION_WORDS) {
    await printCompletions(program, args.slice(1), context);
    return 0;
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return EXIT_CODES.DONE.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.USAGE.code;
    if (error instanceof CommandExit) return error.exitCode;
    // Whatever the command was waiting for, the user ended it.
    if (host.signal.aborted) return EXIT_CODES.INTERRUPTED.code;
    const isUsage = error instanceof CodedError && error.code === 'Usage';
    const mark = isColoured(host, host.stderr) ? styleText('red', 'error:') : 'error:';
    host.stderr.write(`${mark} ${explainError(error, server)}\n${isUsage ? `${HELP_HINT}\n` : ''}`);
    return isUsage ? EXIT_CODES.USAGE.code : EXIT_CODES.FAILED.code;
  }
}

function programOf(context: CliContext): Command {
  const program = clusterOptions(new Command('kubectl-waba'))
    .description('Runs and inspects WhatsApp Business On-Premises stacks. Also works as `kubectl waba`.')
    .version(context.version)
    .addHelpText('after', exitCodeHelp())
    .showHelpAfterError(HELP_HINT)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    })
    // The program takes these options wherever they stand, before or after the command.
    .hook('preAction', (_, command) => {
      for (const [name, value] of Object.entries(program.opts())) command.setOptionValue(name, value);
    });
  const commands = [
    statusCommand(context),
    waitCommand(context),
    eventsCommand(context),
    doctorCommand(context),
    verifyCommand(context),
    loginCommand(context),
    sendCommand(context),
    shardsCommand(context),
    capacityCommand(context),
    planCommand(context),
    upgradeCommand(context),
    restartCommand(context),
    rotatePasswordCommand(context),
    backupCommand(context),
    fleetCommand(context),
    usersCommand(context),
    contactsCommand(context),
    logsCommand(context),
    checkCommand(context),
    pauseCommand(context, true),
    pauseCommand(context, false),
    hibernateCommand(context),
    quickstartCommand(context),
    localCommand(context),
    namespaceCommand(context),
    webhooksCommand(context),
    chatCommand(context),
    pageCommand(context),
    databaseCommand(context, 'psql'),
    databaseCommand(context, 'mysql'),
    supportCommand(context),
    versionCommand(context),
    completionCommand(context),
  ];
  for (const command of commands) program.addCommand(inheritSettings(command, program));
  program.addCommand(inheritSettings(demoCommand(context), program), { hidden: true });
  return program;
}

function inheritSettings(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritSettings(child, parent);
  return command;
}
