import { Command } from 'commander';
import { systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import { CommandExit, NOT_READY } from '../commandExit.ts';
import type { CliContext } from '../context.ts';

import { isData, outputOption, printData } from '../output.ts';
import { getFleet, listFleets, patchFleet } from './fleets.ts';
import { fleetsText, fleetText, isHalted } from './fleetText.ts';

interface StatusOptions extends ClusterOptions {
  readonly allNamespaces?: boolean;
  readonly output: string;
  readonly exitCode?: boolean;
}

export function fleetCommand(context: CliContext): Command {
  return new Command('fleet')
    .description('roll a change out over many stacks: show, pause, resume or roll back a WhatsAppFleet')
    .addCommand(statusCommand(context))
    .addCommand(pauseCommand(context))
    .addCommand(resumeCommand(context))
    .addCommand(rollbackCommand(context));
}

function statusCommand(context: CliContext): Command {
  return clusterOptions(new Command('status'))
    .description('show the rings of a fleet, which stacks change or failed, and what to do next')
    .argument('[name]', 'the WhatsAppFleet; without it, all of the namespace')
    .option('-A, --all-namespaces', 'list the fleets of all namespaces')
    .option('--exit-code', 'end with 3 if a fleet is halted')
    .addOption(outputOption())
    .action(async (name: string | undefined, options: StatusOptions) => {
      const access = await context.openCluster(options);
      const fleets =
        name === undefined
          ? await listFleets(access, options, context)
          : [await getFleet(access, name, context)];
      const nowMs = systemClock.now();
      if (isData(options.output)) printData(context, options.output, name === undefined ? fleets : fleets[0]);
      else if (fleets.length === 0)
        context.stdout.write(
          `no WhatsAppFleet in ${options.allNamespaces ? 'any namespace' : `namespace ${access.namespace}`}; docs/fleet.md shows how to make one\n`,
        );
      else
        context.stdout.write(
          name === undefined
            ? fleetsText(fleets, nowMs)
            : fleets.map((fleet) => fleetText(fleet, nowMs)).join(''),
        );
      if (options.exitCode && fleets.some(isHalted)) throw new CommandExit(NOT_READY);
    });
}

function pauseCommand(context: CliContext): Command {
  return clusterOptions(new Command('pause'))
    .description('begin with no further stack; those that are changing go on')
    .argument('<name>', 'the WhatsAppFleet')
    .action(async (name: string, options: ClusterOptions) => {
      const access = await context.openCluster(options);
      await patchFleet(access, await getFleet(access, name, context), { paused: true }, context);
      context.stdout.write(`${name} is paused; \`kubectl waba fleet resume ${name}\` goes on\n`);
    });
}

function resumeCommand(context: CliContext): Command {
  return clusterOptions(new Command('resume'))
    .description('go on after a pause, or after a halt whose cause is mended')
    .argument('<name>', 'the WhatsAppFleet')
    .action(async (name: string, options: ClusterOptions) => {
      const access = await context.openCluster(options);
      const fleet = await getFleet(access, name, context);
      const { paused, attempt } = fleet.spec;
      const halted = isHalted(fleet);
      if (!paused && !halted) return void context.stdout.write(`${name} is neither paused nor halted\n`);
      const change = { ...(paused ? { paused: false } : {}), ...(halted ? { attempt: attempt + 1 } : {}) };
      await patchFleet(access, fleet, change, context);
      context.stdout.write(`${name} goes on; \`kubectl waba fleet status ${name}\` shows the progress\n`);
    });
}

function rollbackCommand(context: CliContext): Command {
  return clusterOptions(new Command('rollback'))
    .description('bring back the version that the stacks had before: sets spec.version')
    .argument('<name>', 'the WhatsAppFleet')
    .option('--to <version>', 'this version instead of the one before')
    .action(async (name: string, { to, ...options }: ClusterOptions & { readonly to?: string }) => {
      const access = await context.openCluster(options);
      const fleet = await getFleet(access, name, context);
      const version = to ?? fleet.status?.previousVersion;
      if (version === undefined)
        throw new CodedError('NotFound', `${name} knows no earlier version; name one with --to`);
      if (version === fleet.spec.version)
        return void context.stdout.write(`${name} brings ${version} already\n`);
      await patchFleet(access, fleet, { version, paused: false }, context);
      context.stdout.write(
        `${name} goes back to ${version}; \`kubectl waba fleet status ${name}\` shows the progress\n`,
      );
    });
}
