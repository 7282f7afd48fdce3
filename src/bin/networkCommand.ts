import { type Command, Option } from 'commander';
import { aborted } from '../base/aborted.ts';
import { systemClock } from '../base/clock.ts';
import { clientVersion } from '../stack/clientVersionOf.ts';
import { Graph } from '../stack/graph/graph.ts';
import { startGraphServer } from '../stack/graph/graphServer.ts';
import { startControlServer } from '../stack/network/controlServer.ts';
import type { GraphMode } from '../stack/network/graphSide.ts';
import { Network } from '../stack/network/network.ts';
import { openApi } from '../stack/webapp/openApi.ts';
import { parseGraphMode, parsePort } from './emulatorOptions.ts';
import { controlAccess, logger, stop, whileTraced } from './emulatorProcess.ts';

/** Hosts that links of messages may name; undefined: all with public addresses. */
const mediaHosts = ({ WABA_MEDIA_HOSTS: list }: NodeJS.ProcessEnv) =>
  list
    ?.split(',')
    .map((host) => host.trim().toLowerCase())
    .filter(Boolean);

/** The role of the servers of WhatsApp. */
export function addNetworkCommand(program: Command): void {
  program
    .command('network')
    .description('runs the network process, which simulates the servers of WhatsApp')
    .option('--host <address>', 'address to listen on', '0.0.0.0')
    .option('--port <port>', 'port for Coreapps, Masters and Webapps', parsePort, 5222)
    .option('--control-port <port>', 'port of the simulation page and the control API', parsePort, 8080)
    .addOption(
      new Option('--graph-port <port>', 'port of the simulated Cloud API; without one there is none')
        .env('WABA_GRAPH_PORT')
        .argParser(parsePort),
    )
    .addOption(
      new Option('--graph <both|exclusive|off>', 'whether a number is on both APIs, or on one at a time')
        .env('WABA_GRAPH')
        .default('exclusive')
        .argParser(parseGraphMode),
    )
    .option('--data <folder>', 'folder for its state', '/var/lib/waba-network')
    .option(
      '--no-rate-limits',
      'no tiers, and more than 70 messages a second; WABA_RATE_LIMITS=0 does the same',
    )
    .action((options) => whileTraced('waba-network', () => runNetwork(options)));
}

async function runNetwork(options: {
  host: string;
  port: number;
  controlPort: number;
  graph?: GraphMode;
  graphPort?: number;
  data: string;
  rateLimits: boolean;
}): Promise<void> {
  const { host, port, controlPort, graphPort, data, rateLimits } = options;
  const limits = rateLimits && process.env.WABA_RATE_LIMITS !== '0';
  const mode = graphPort === undefined ? undefined : options.graph;
  const network = await Network.start({
    host,
    port,
    dataFolder: data,
    limits,
    graph: mode,
    clock: systemClock,
    logger,
  });
  const graph = mode && new Graph({ network, limits, mediaHosts: mediaHosts(process.env), logger });
  network.snapshots.begin();
  const control = await startControlServer(network, {
    host,
    port: controlPort,
    openApi: openApi(clientVersion(process.env)),
    ...controlAccess(process.env),
  });
  const server = graph && (await startGraphServer(graph, { host, port: graphPort ?? 0 }));
  logger.info('network listening', {
    port: network.port,
    controlPort: control.port,
    ...(server ? { graphPort: server.port } : {}),
  });
  await aborted(stop);
  await server?.close();
  graph?.close();
  await control.close();
  await network.close();
}
