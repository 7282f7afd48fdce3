import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { CodedError } from '../base/codedError.ts';
import { down, LOGS, readLog, status, up } from '../local/cluster.ts';
import { runDaemon } from '../local/daemon.ts';
import type { ImageTable } from '../local/processNode/containerCommand.ts';
import { findPrograms } from '../local/programs.ts';
import type { CliContext } from './context.ts';
import { DEFAULT_CLUSTER, localClusterOptions } from './localClusterOptions.ts';
import { isData, outputOption, printData } from './output.ts';
import { parsePort } from './parsePort.ts';

const nameOption = () => new Option('--name <name>', 'name of the cluster').default(DEFAULT_CLUSTER);

export function localCommand(context: CliContext): Command {
  const local = new Command('local').description(
    'run a Kubernetes cluster on this machine, without containers or root',
  );
  const commands = [
    upCommand(context),
    statusCommand(context),
    logsCommand(context),
    downCommand(context),
    fetchCommand(context),
  ];
  for (const command of commands) local.addCommand(command);
  return local.addCommand(daemonCommand(context), { hidden: true });
}

const upCommand = (context: CliContext): Command =>
  new Command('up')
    .description('start a cluster, unless it runs already')
    .addOption(nameOption())
    .option('--port <port>', 'port of the API server (default: a free one)', parsePort)
    .addOption(outputOption())
    .action(async ({ name, port, output }) => {
      const cluster = await up(
        { ...localClusterOptions(context, name), ...(port ? { port } : {}) },
        context.signal,
      );
      if (isData(output)) return printData(context, output, cluster);
      context.stdout.write(`\nexport KUBECONFIG=${cluster.kubeconfig}\n${cluster.kubectl} get nodes\n`);
    });

const statusCommand = (context: CliContext): Command =>
  new Command('status')
    .description('list the clusters of this machine with their state')
    .option('--name <name>', 'show only this cluster')
    .addOption(outputOption())
    .action(async ({ name, output }) => {
      const clusters = await status(context.env, name);
      if (isData(output)) return printData(context, output, clusters);
      if (clusters.length === 0)
        context.stdout.write(
          `no local cluster${name ? ` ${name}` : ''}; \`kubectl waba local up\` starts one\n`,
        );
      for (const { name: cluster, phase, server, kubeconfig, message } of clusters) {
        context.stdout.write(
          `${cluster}: ${phase}\n  ${message}\n  server      ${server}\n  kubeconfig  ${kubeconfig}\n`,
        );
      }
    });

const logsCommand = (context: CliContext): Command =>
  new Command('logs')
    .description(`print the log of a component: ${LOGS.join(', ')}`)
    .argument('[component]', 'the component', 'cluster')
    .addOption(nameOption())
    .action(async (component, { name }) => {
      if ((await status(context.env, name)).length === 0)
        throw new CodedError(
          'NoCluster',
          `no local cluster ${name}; \`kubectl waba local status\` lists them, \`kubectl waba local up --name ${name}\` starts it`,
        );
      context.stdout.write(await readLog(context.env, name, component));
    });

const downCommand = (context: CliContext): Command =>
  new Command('down')
    .description('stop a cluster and delete its data')
    .addOption(nameOption())
    .action(async ({ name }) => void (await down(localClusterOptions(context, name), context.signal)));

const fetchCommand = (context: CliContext): Command =>
  new Command('fetch')
    .description('find, download or build the programs of the control plane, without starting a cluster')
    .action(async () => {
      const { progress, sourceFolder } = localClusterOptions(context, DEFAULT_CLUSTER);
      const { folder, origin } = await findPrograms(
        { env: context.env, progress, sourceFolder },
        context.signal,
      );
      context.stdout.write(`${folder} (${origin})\n`);
    });

/** Runs a cluster in the foreground; `local up` starts it in the background. */
const daemonCommand = (context: CliContext): Command =>
  new Command('daemon').addOption(nameOption()).action(({ name }) =>
    runDaemon(
      {
        name,
        env: context.env,
        sourceFolder: join(context.distFolder, 'kubernetes'),
        logger: context.logger,
        images: localImages(context.distFolder),
        preload: join(context.distFolder, 'podNetwork.cjs'),
      },
      context.signal,
    ),
  );

/** The programs that the process node runs in place of container images: those of this project, PostgreSQL and MariaDB. */
export function localImages(distFolder: string): ImageTable {
  const image = (name: string, entrypoint: string) => {
    const root = join(distFolder, 'images', name);
    return { root, needs: [dirname(distFolder)], entrypoint: [join(root, entrypoint)] };
  };
  return {
    'waba-operator': image('waba-operator', 'usr/local/bin/waba-operator'),
    'waba-stack': image('waba-stack', 'usr/local/bin/waba-emulator'),
    postgres: image('postgres', 'usr/local/bin/docker-entrypoint.sh'),
    mariadb: image('mariadb', 'usr/local/bin/docker-entrypoint.sh'),
  };
}
