import { Command, InvalidArgumentError, Option } from 'commander';
import { sleep, systemClock } from '../../base/clock.ts';
import { CONDITION_TYPES } from '../../operator/resource/conditions.ts';
import { type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import { CommandExit, NOT_READY } from '../commandExit.ts';
import type { CliContext } from '../context.ts';
import { conditionOf, getStack } from './getStack.ts';
import { durationMs } from './logsCommand.ts';

interface WaitOptions extends ClusterOptions {
  readonly for: string;
  /** Milliseconds. */
  readonly timeout: number;
}

const EVERY_MS = 1_000;

/** `Ready` or `condition=Ready`. */
function conditionNamed(text: string): string {
  const name = text.replace(/^condition=/i, '').toLowerCase();
  const known = CONDITION_TYPES.find((type) => type.toLowerCase() === name);
  if (known) return known;
  throw new InvalidArgumentError(`Allowed choices are ${CONDITION_TYPES.join(', ')}.`);
}

export function waitCommand(context: CliContext): Command {
  return clusterOptions(new Command('wait'))
    .description('wait until a condition of a stack is True; says meanwhile why it is not')
    .argument('<name>', 'the WhatsAppDeployment')
    .addOption(
      new Option('--for <condition>', 'the condition')
        .choices(CONDITION_TYPES)
        // As `kubectl wait` takes it.
        .argParser((text) => conditionNamed(text))
        .default('Ready'),
    )
    .addOption(
      new Option('--timeout <duration>', 'end with 3 after this time: 30s, 10m, 2h')
        .argParser(durationMs)
        .default(durationMs('10m'), '10m'),
    )
    .action(async (name: string, options: WaitOptions) => {
      const access = await context.openCluster(options);
      const end = systemClock.monotonic() + options.timeout;
      let shown = '';
      for (;;) {
        const stack = await getStack(access, name, context);
        const condition = conditionOf(stack, options.for, stack.metadata.generation);
        if (condition?.status === 'True') break;
        const line = condition ? `${condition.reason}: ${condition.message}` : 'waiting for the operator';
        if (line !== shown) context.stderr.write(`${line}\n`);
        shown = line;
        if (systemClock.monotonic() >= end) {
          context.stderr.write(`timed out: ${name} is not ${options.for} yet\n`);
          throw new CommandExit(NOT_READY);
        }
        await sleep(systemClock, EVERY_MS, context.signal);
      }
      context.stdout.write(`${name} is ${options.for}\n`);
    });
}
