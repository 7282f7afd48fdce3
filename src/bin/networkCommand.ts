import type { Command } from 'commander';
import { aborted } from '../base/aborted.ts';
import { systemClock } from '../base/clock.ts';
import { clientVersion } from '../stack/clientVersionOf.ts';
import { startControlServer } from '../stack/network/controlServer.ts';
import { Network } from '../stack/network/network.ts';
import { openApi } from '../stack/webapp/openApi.ts';
import { parsePort } from './emulatorOptions.ts';
import { controlAccess, logger, stop, whileTraced } from './emulatorProcess.ts';

/** The role of the servers of WhatsApp. */
export function addNetworkCommand(program: Command): void {
  program
    .command('network')
    .description('runs the network process, which simulates the servers of WhatsApp')
    .option('--host <address>', 'address to listen on', '0.0.0.0')
    .option('--port <port>', 'port for Coreapps, Masters and Webapps', parsePort, 5222)
    .option('--control-port <port>', 'port of the simulation page and the control API', parsePort, 8080)
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
  data: string;
  rateLimits: boolean;
}): Promise<void> {
  const { host, port, controlPort, data, rateLimits } = options;
  const network = await Network.start({
    host,
    port,
    dataFolder: data,
    limits: rateLimits && process.env.WABA_RATE_LIMITS !== '0',
    clock: systemClock,
    logger,
  });
  network.snapshots.begin();
  const control = await startControlServer(network, {
    host,
    port: controlPort,
    openApi: openApi(clientVersion(process.env)),
    ...controlAccess(process.env),
  });
  logger.info('network listening', { port: network.port, controlPort: control.port });
  await aborted(stop);
  await control.close();
  await network.close();
}
