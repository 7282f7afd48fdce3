import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { down, LOGS, type LocalClusterOptions, readLog, status, up } from '../local/cluster.ts';
import { runDaemon } from '../local/daemon.ts';
import type { ImageTable } from '../local/processNode/containerCommand.ts';
import { findPrograms } from '../local/programs.ts';
import { createProgress } from '../local/progress.ts';
import { type CliContext, printJson } from './context.ts';

export const DEFAULT_CLUSTER = 'waba';

/** How `kubectl waba` runs local clusters; the quickstart shares it. */
export function localClusterOptions(context: CliContext, name: string): LocalClusterOptions {
  return {
    name,
    env: context.env,
    clock: systemClock,
    progress: createProgress(context.stderr),
    sourceFolder: join(context.distFolder, 'kubernetes'),
    daemonCommand: (cluster) => [
      process.execPath,
      join(context.distFolder, 'kubectl-waba.js'),
      'local',
      'daemon',
      '--name',
      cluster,
    ],
  };
}

export function localCommand(context: CliContext): Command {
  const local = new Command('local').description(
    'a Kubernetes control plane on this machine, without containers or root',
  );
  const nameOption = () => new Option('--name <name>', 'name of the cluster').default(DEFAULT_CLUSTER);
  const outputOption = () =>
    new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text');

  local
    .command('up')
    .description('start a cluster, or find it running')
    .addOption(nameOption())
    .option('--port <port>', 'port of the API server (default: a free one)', parsePort)
    .addOption(outputOption())
    .action(async ({ name, port, output }) => {
      const cluster = await up(
        { ...localClusterOptions(context, name), ...(port ? { port } : {}) },
        context.signal,
      );
      if (output === 'json') return printJson(context, cluster);
      context.stdout.write(`\nexport KUBECONFIG=${cluster.kubeconfig}\n${cluster.kubectl} get nodes\n`);
    });

  local
    .command('status')
    .description('which clusters there are, and how they are')
    .option('--name <name>', 'only this cluster')
    .addOption(outputOption())
    .action(async ({ name, output }) => {
      const clusters = await status(context.env, name);
      if (output === 'json') return printJson(context, clusters);
      if (clusters.length === 0)
        context.stdout.write('no local cluster; `kubectl waba local up` starts one\n');
      for (const { name: cluster, phase, server, kubeconfig, message } of clusters) {
        context.stdout.write(
          `${cluster}: ${phase}\n  ${message}\n  server      ${server}\n  kubeconfig  ${kubeconfig}\n`,
        );
      }
    });

  local
    .command('logs')
    .description(`print a log: ${LOGS.join(', ')}`)
    .argument('[component]', 'whose log', 'cluster')
    .addOption(nameOption())
    .action(
      async (component, { name }) => void context.stdout.write(await readLog(context.env, name, component)),
    );

  local
    .command('down')
    .description('stop a cluster and remove everything of it')
    .addOption(nameOption())
    .action(async ({ name }) => void (await down(localClusterOptions(context, name), context.signal)));

  local
    .command('fetch')
    .description('only find, download or build the programs of the control plane')
    .action(async () => {
      const { progress, sourceFolder } = localClusterOptions(context, DEFAULT_CLUSTER);
      const { folder, origin } = await findPrograms(
        { env: context.env, progress, sourceFolder },
        context.signal,
      );
      context.stdout.write(`${folder} (${origin})\n`);
    });

  local
    .command('daemon', { hidden: true })
    .addOption(nameOption())
    .action(({ name }) =>
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
  return local;
}

/** The programs of this project, and PostgreSQL, in place of their images. */
export function localImages(distFolder: string): ImageTable {
  const image = (name: string, entrypoint: string) => {
    const root = join(distFolder, 'images', name);
    return { root, needs: [dirname(distFolder)], entrypoint: [join(root, entrypoint)] };
  };
  return {
    'waba-operator': image('waba-operator', 'usr/local/bin/waba-operator'),
    'waba-stack': image('waba-stack', 'usr/local/bin/waba-emulator'),
    postgres: image('postgres', 'usr/local/bin/docker-entrypoint.sh'),
  };
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('a port is a number from 1 to 65535');
  return port;
}

/** Errors of commands, as a person reads them. */
export const explain = (error: unknown): string => (error instanceof Error ? error.message : String(error));
