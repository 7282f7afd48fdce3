import { Command } from 'commander';
import { CodedError } from '../../base/codedError.ts';
import type { SecretObject } from '../../operator/plan/facts/secrets.ts';
import type { Forecast } from '../../operator/plan/foresee/forecast.ts';
import { type ClusterAccess, type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import { CommandExit } from '../commandExit.ts';
import type { CliContext } from '../context.ts';
import { EXIT_CODES } from '../exitCodes.ts';
import { isColoured } from '../isColoured.ts';
import { isData, outputOption, printData } from '../output.ts';
import { dryRun, readPlanFile } from './dryRun.ts';
import { forecastOf } from './forecastOf.ts';
import { forecastText } from './forecastText.ts';
import { getStack, parseStack } from './getStack.ts';

interface PlanOptions extends ClusterOptions {
  readonly filename?: string;
  readonly diff?: boolean;
  readonly exitCode?: boolean;
  readonly output: string;
}

/** With `--exit-code`: something would happen. */
const SOMETHING = EXIT_CODES.USAGE.code;

export function planCommand(context: CliContext): Command {
  return clusterOptions(new Command('plan'))
    .description(
      'say what a change of a stack would do, before you apply it: objects, restarts and calls of the API',
    )
    .argument('[name]', 'the WhatsAppDeployment, to see what is due now')
    .option('-f, --filename <file>', 'the file that you would apply; - is the standard input')
    .option('--diff', 'show each field that changes; values that may be secret are hidden')
    .option('--exit-code', 'end with 0 if nothing would happen, 2 if something would, 1 on an error')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
The API server checks the file (a dry run); nothing is stored. The plan assumes that nothing fails and nobody changes
anything else meanwhile. "perhaps" marks what depends on which of two things happens first.`,
    )
    .action(async (name: string | undefined, options: PlanOptions) => {
      if ((name === undefined) === (options.filename === undefined))
        throw new CodedError('Usage', 'plan needs either -f with a file or the name of a WhatsAppDeployment');
      const access = await context.openCluster(options);
      const forecasts =
        name === undefined
          ? await ofFile(access, options.filename ?? '', context)
          : [await ofStored(access, name, context)];
      print(forecasts, options, context);
      const isDue = forecasts.some(({ entries }) => entries.length > 0);
      if (options.exitCode && isDue) throw new CommandExit(SOMETHING);
    });
}

const NONE: ReadonlyMap<string, SecretObject> = new Map();

async function ofStored(access: ClusterAccess, name: string, context: CliContext): Promise<Forecast> {
  const stored = await getStack(access, name, context);
  return forecastOf(access, { resource: stored, stored }, NONE, context);
}

async function ofFile(access: ClusterAccess, file: string, context: CliContext): Promise<Forecast[]> {
  const { stacks, secrets } = await readPlanFile(file, context);
  const forecasts: Forecast[] = [];
  for (const given of stacks) {
    const { object, stored } = await dryRun(access, given, context);
    const change = { resource: parseStack(object), stored: stored && parseStack(stored) };
    forecasts.push(await forecastOf(access, change, secrets, context));
  }
  return forecasts;
}

function print(forecasts: readonly Forecast[], options: PlanOptions, context: CliContext): void {
  if (isData(options.output)) {
    printData(context, options.output, forecasts);
    return;
  }
  const look = { colour: isColoured(context, context.stdout), diff: options.diff === true };
  for (const forecast of forecasts) context.stdout.write(forecastText(forecast, look));
}
