import type { Command } from 'commander';
import { aborted } from '../base/aborted.ts';
import { systemClock } from '../base/clock.ts';
import { GATEWAY_PORTS } from '../cloud/gatewayStatus.ts';
import { CloudNetwork } from '../stack/cloud/cloudNetwork.ts';
import { cloudSettings } from '../stack/cloud/cloudSettings.ts';
import { LAPTOP_DEFAULTS } from '../stack/laptopDefaults.ts';
import { parsePort } from './emulatorOptions.ts';
import { logger, stop } from './emulatorProcess.ts';

/** The role of a gateway to the Cloud API. */
export function addCloudCommand(program: Command): void {
  program
    .command('cloud')
    .description(
      'takes the place of the network process with the Cloud API, as the WABA_CLOUD_… variables say',
    )
    .option('--host <address>', 'address to listen on', '0.0.0.0')
    .option('--port <port>', 'port for Coreapps, Masters and Webapps', parsePort, 5222)
    .option(
      '--webhook-port <port>',
      'port for the webhooks of the Cloud API',
      parsePort,
      LAPTOP_DEFAULTS.cloudWebhookPort,
    )
    .option(
      '--control-port <port>',
      'port for status, metrics and the removal of the subscription; all but /healthz need WABA_CONTROL_TOKEN',
      parsePort,
      GATEWAY_PORTS.control,
    )
    .option('--data <folder>', 'folder for its state', '/var/lib/waba-network')
    .action(runCloud);
}

async function runCloud(options: {
  host: string;
  port: number;
  webhookPort: number;
  controlPort: number;
  data: string;
}): Promise<void> {
  const { host, port, webhookPort, controlPort, data } = options;
  const gateway = await CloudNetwork.start(
    {
      host,
      port,
      webhook: { host, port: webhookPort },
      control: { host, port: controlPort },
      dataFolder: data,
      settings: cloudSettings(process.env),
      clock: systemClock,
      logger,
    },
    stop,
  );
  logger.info('gateway listening', {
    port: gateway.port,
    webhookPort: gateway.webhookPort,
    controlPort: gateway.controlPort,
  });
  await aborted(stop);
  await gateway.close();
}
