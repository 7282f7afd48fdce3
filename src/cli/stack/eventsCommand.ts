import { Command } from 'commander';
import { sleep, systemClock } from '../../base/clock.ts';
import { type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isData, outputOption, printData } from '../output.ts';
import { shortAge } from '../shortAge.ts';
import { table } from '../table.ts';
import { getStack } from './getStack.ts';
import { eventsOf, type StackEvent } from './stackEvents.ts';

const EVERY_MS = 2_000;

export function eventsCommand(context: CliContext): Command {
  return clusterOptions(new Command('events'))
    .description('list the events of a stack and of its objects, oldest first')
    .argument('<name>', 'the WhatsAppDeployment')
    .option('-w, --watch', 'keep printing new events until interrupted')
    .addOption(outputOption())
    .action(async (name: string, options: ClusterOptions & { watch?: boolean; output: string }) => {
      const access = await context.openCluster(options);
      const { metadata } = await getStack(access, name, context);
      const shown = new Set<string>();
      do {
        const all = await eventsOf(access, metadata, context.signal);
        const fresh = all.filter((event) => !shown.has(JSON.stringify(event)));
        for (const event of fresh) shown.add(JSON.stringify(event));
        if (isData(options.output) && fresh.length > 0) printData(context, options.output, fresh);
        else if (fresh.length > 0) context.stdout.write(tableOf(fresh));
        if (options.watch) await sleep(systemClock, EVERY_MS, context.signal).catch(() => {});
      } while (options.watch && !context.signal.aborted);
      if (shown.size === 0)
        context.stderr.write(`no events of ${name}; the API server keeps events for an hour by default\n`);
    });
}

const tableOf = (events: readonly StackEvent[]): string =>
  table(
    ['AGE', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'],
    events.map(({ time, type, reason, object, message, count }) => [
      shortAge(systemClock.now() - Date.parse(time)),
      type,
      reason,
      object,
      count > 1 ? `${message} (${count} times)` : message,
    ]),
  );
