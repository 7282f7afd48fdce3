import { styleText } from 'node:util';
import { Command, CommanderError } from 'commander';
import { completionCommand, completionWordsCommand } from './completionCommand.ts';
import type { CliContext } from './context.ts';
import { explain, localCommand } from './localCommand.ts';
import { namespaceCommand } from './namespaceCommand.ts';
import { quickstartCommand } from './quickstart/quickstartCommand.ts';
import { contactsCommand, loginCommand, sendCommand, usersCommand } from './stack/apiCommands.ts';
import { logsCommand } from './stack/logsCommand.ts';
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

/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const program = new Command('kubectl-waba')
    .description('Runs and looks into WhatsApp Business On-Premises stacks. Also works as `kubectl waba`.')
    .version(context.version)
    .showHelpAfterError('(add --help for help)')
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
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const mark = context.stderr.isTTY ? styleText('red', 'error:') : 'error:';
    context.stderr.write(`${mark} ${explain(error)}\n`);
    return 1;
  }
}

function inheritSettings(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritSettings(child, parent);
  return command;
}
