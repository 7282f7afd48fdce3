import { styleText } from 'node:util';
import { Command, CommanderError } from 'commander';
import { CodedError } from '../base/codedError.ts';
import { openCluster } from './clusterAccess.ts';
import { CommandExit } from './commandExit.ts';
import { completionCommand, completionWordsCommand } from './completionCommand.ts';
import type { CliContext, CliHost } from './context.ts';
import { explainError } from './explainError.ts';
import { localCommand } from './localCommand.ts';
import { namespaceCommand } from './namespaceCommand.ts';
import { quickstartCommand } from './quickstart/quickstartCommand.ts';
import { contactsCommand, loginCommand, sendCommand, usersCommand } from './stack/apiCommands.ts';
import { backupCommand } from './stack/backupCommand.ts';
import { logsCommand } from './stack/logsCommand.ts';
import { planCommand } from './stack/planCommand.ts';
import { rotatePasswordCommand } from './stack/rotatePasswordCommand.ts';
import { shardsCommand } from './stack/shardsCommand.ts';
import {
  checkCommand,
  demoCommand,
  pauseCommand,
  statusCommand,
  supportCommand,
  verifyCommand,
  webhooksCommand,
} from './stack/stackCommands.ts';
import { upgradeCommand } from './stack/upgradeCommand.ts';

const HELP_HINT = '(add --help for help)';

/** Runs one command. Exit codes: 0 done, 1 failed, 2 wrong usage; `plan --exit-code` has its own. */
export async function runCli(
  args: readonly string[],
  host: CliHost,
  connect: typeof openCluster = openCluster,
): Promise<number> {
  const program = programOf({ ...host, openCluster: (options) => connect(options, host) });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof CommandExit) return error.exitCode;
    const isUsage = error instanceof CodedError && error.code === 'Usage';
    const mark = host.stderr.isTTY ? styleText('red', 'error:') : 'error:';
    host.stderr.write(`${mark} ${explainError(error)}\n${isUsage ? `${HELP_HINT}\n` : ''}`);
    return isUsage ? 2 : 1;
  }
}

function programOf(context: CliContext): Command {
  const program = new Command('kubectl-waba')
    .description('Runs and inspects WhatsApp Business On-Premises stacks. Also works as `kubectl waba`.')
    .version(context.version)
    .showHelpAfterError(HELP_HINT)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    });
  const commands = [
    statusCommand(context),
    verifyCommand(context),
    loginCommand(context),
    sendCommand(context),
    shardsCommand(context),
    planCommand(context),
    upgradeCommand(context),
    rotatePasswordCommand(context),
    backupCommand(context),
    usersCommand(context),
    contactsCommand(context),
    logsCommand(context),
    checkCommand(context),
    pauseCommand(context, true),
    pauseCommand(context, false),
    quickstartCommand(context),
    localCommand(context),
    namespaceCommand(context),
    webhooksCommand(context),
    supportCommand(context),
    completionCommand(context),
  ];
  for (const command of commands) program.addCommand(inheritSettings(command, program));
  for (const command of [demoCommand(context), completionWordsCommand(context)])
    program.addCommand(inheritSettings(command, program), { hidden: true });
  return program;
}

function inheritSettings(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritSettings(child, parent);
  return command;
}
