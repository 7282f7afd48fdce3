import { Command } from 'commander';
import { type ClusterOptions, clusterOptions } from './clusterAccess.ts';
import type { CliContext } from './context.ts';
import { operatorVersions } from './namespaceCommand.ts';
import { isData, outputOption, printData } from './output.ts';

export function versionCommand(context: CliContext): Command {
  return clusterOptions(new Command('version'))
    .description('print the versions of this program and of the operators in the cluster')
    .option('--client', 'print only the version of this program')
    .addOption(outputOption())
    .action(async (options: ClusterOptions & { client?: boolean; output: string }) => {
      const { version, stdout } = context;
      if (!isData(options.output)) stdout.write(`kubectl-waba ${version}\n`);
      const operators = options.client
        ? []
        : await operatorVersions((await context.openCluster(options)).client, context.signal);
      if (isData(options.output)) return printData(context, options.output, { client: version, operators });
      if (options.client) return;
      for (const { namespace, name, version: theirs } of operators) {
        const note = theirs === version ? '' : '; use the kubectl-waba of this version';
        stdout.write(`operator ${namespace}/${name} ${theirs}${note}\n`);
      }
      if (operators.length === 0)
        stdout.write('no operator in the cluster; docs/install.md says how to install it\n');
    });
}
