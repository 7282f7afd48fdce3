import { basename } from 'node:path';
import { Command } from 'commander';
import { describeError } from '../base/codedError.ts';
import { VERSION } from '../base/version.ts';
import { addCloudCommand } from './cloudCommand.ts';
import { stop } from './emulatorProcess.ts';
import { addLaptopCommand } from './laptopCommand.ts';
import { addNetworkCommand } from './networkCommand.ts';
import { addNodeCommands, runScript } from './nodeCommands.ts';
import { addRehearseCommand } from './rehearseCommand.ts';

const [, script = '', ...args] = process.argv;

function program(): Command {
  const command = new Command('waba-emulator')
    .description('Emulator of the WhatsApp Business On-Premises stack')
    // After the name of a subcommand, an option is its own: `--version` of the laptop is that of the client.
    .enablePositionalOptions()
    .version(VERSION, '-V, --emulator-version', 'print the version of the emulator itself');
  addLaptopCommand(command);
  addRehearseCommand(command);
  addNetworkCommand(command);
  addCloudCommand(command);
  addNodeCommands(command);
  return command;
}

try {
  const name = basename(script);
  if (name.endsWith('.sh')) await runScript(name, args);
  else await program().parseAsync(args, { from: 'user' });
} catch (error) {
  if (!stop.aborted) {
    process.stderr.write(`error: ${describeError(error)}\n`);
    process.exitCode = 1;
  }
}
