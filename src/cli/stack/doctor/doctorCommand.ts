import { Command } from 'commander';
import { CodedError } from '../../../base/codedError.ts';
import { createProgress, silentProgress } from '../../../local/progress.ts';
import { type ClusterOptions, clusterOptions } from '../../clusterAccess.ts';
import { CommandExit, NOT_READY } from '../../commandExit.ts';
import type { CliContext } from '../../context.ts';
import { inStep } from '../../inStep.ts';
import { isColoured } from '../../isColoured.ts';
import { isData, outputOption, printData } from '../../output.ts';
import { Mask } from './mask.ts';
import { type Report, reportText } from './report.ts';
import { runDoctor } from './runDoctor.ts';

interface DoctorOptions extends ClusterOptions {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly operator?: string;
  readonly verbose?: boolean;
  readonly strict?: boolean;
  readonly output: string;
}

export function doctorCommand(context: CliContext): Command {
  return clusterOptions(new Command('doctor'))
    .description(
      'find out what is wrong with the installation and with stacks, and say what to do; changes nothing',
    )
    .argument('[name]', 'the WhatsAppDeployment (default: all in the namespace)')
    .option('-A, --all-namespaces', 'examine the stacks of all namespaces')
    .option('-l, --selector <labels>', 'examine the stacks with these labels, such as tier=prod')
    .option(
      '--operator <namespace/name>',
      'the operator to examine (default: the one that looks after the namespace)',
    )
    .option('-v, --verbose', 'show what is well too, also of several stacks')
    .option('--strict', 'end with 3 also for warnings, and for checks that could not run')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
It runs with the rights of the user. A check that needs more says which, and could not run: that is no failure.
With -A, -l or several stacks, it begins with a table and goes on with what is not well; -v shows everything. docs/doctor.md
lists the checks. It exits with 3 if one of them failed.`,
    )
    .action(async (name: string | undefined, options: DoctorOptions) => {
      const { allNamespaces, selector, operator } = options;
      if (name !== undefined && (allNamespaces || selector))
        throw new CodedError('Usage', 'give either a NAME, or -A and -l, which select several stacks');
      const access = await context.openCluster(options);
      const request = { cluster: options, name, allNamespaces, selector, operator, mask: new Mask() };
      const progress = context.stderr.isTTY ? createProgress(context.stderr) : silentProgress;
      const report = await inStep(progress, 'examining', () => runDoctor(access, request, context));
      if (isData(options.output)) printData(context, options.output, report);
      else {
        const stacks = report.sections.filter(({ of }) => of === 'stack').length;
        const isMany = allNamespaces === true || selector !== undefined || stacks > 1;
        const brief = isMany && options.verbose !== true;
        context.stdout.write(reportText(report, { colour: isColoured(context, context.stdout), brief }));
      }
      if (isBad(report, options.strict === true)) throw new CommandExit(NOT_READY);
    });
}

const isBad = ({ counts }: Report, isStrict: boolean): boolean =>
  counts.failed > 0 || (isStrict && counts.warning + counts.unknown > 0);
