import { parseEnv } from 'node:util';
import { type Command, Option } from 'commander';
import { aborted } from '../base/aborted.ts';
import { systemClock } from '../base/clock.ts';
import { eitherSignal } from '../base/eitherSignal.ts';
import { createLogger } from '../base/logger.ts';
import { parentEnded } from '../base/parentEnded.ts';
import { quietRepeats } from '../base/quietRepeats.ts';
import { VERSION } from '../base/version.ts';
import { clientVersion } from '../stack/clientVersionOf.ts';
import { cloudSettings } from '../stack/cloud/cloudSettings.ts';
import { type Laptop, type LaptopOptions, startLaptop } from '../stack/laptop.ts';
import { LAPTOP_DEFAULTS } from '../stack/laptopDefaults.ts';
import { parseSeed } from '../stack/laptopSeed.ts';
import type { LaptopDatabase } from '../stack/laptopStores.ts';
import type { GraphMode } from '../stack/network/graphSide.ts';
import {
  parseDatabase,
  parseDate,
  parseGraphMode,
  parseNumber,
  parsePassword,
  parsePort,
  parseSwitch,
  parseVersion,
  readOption,
} from './emulatorOptions.ts';
import { controlAccess, interactive, logger, stop, whileTraced } from './emulatorProcess.ts';

/** The role of a whole stack in one process. */
export function addLaptopCommand(program: Command): void {
  const command = program
    .command('laptop', { isDefault: true })
    .description('runs a whole stack in one process, registered and ready to send');
  withLaptopOptions(command).action((options) =>
    whileTraced('waba-emulator', () => runLaptop(options, welcome)),
  );
}

export const withLaptopOptions = (command: Command): Command =>
  command
    .option('--port <port>', 'HTTPS port of the API', parsePort, LAPTOP_DEFAULTS.port)
    .option(
      '--control-port <port>',
      'port of the simulation page and the control API',
      parsePort,
      LAPTOP_DEFAULTS.controlPort,
    )
    .option(
      '--graph <both|exclusive|off>',
      'the simulated Cloud API: a number is on both APIs, on one at a time, or there is none',
      parseGraphMode,
      'both',
    )
    .option(
      '--graph-port <port>',
      `port of the simulated Cloud API (default: ${LAPTOP_DEFAULTS.graphPort}, or a free one if that is in use)`,
      parsePort,
    )
    .option('--host <address>', 'address that all of them listen on', LAPTOP_DEFAULTS.host)
    .option(
      '--version [version]',
      'client version to stand for, v2.57.1; without one, print that of the emulator',
      parseVersion,
    )
    .option('--data <folder>', 'folder for data that is kept between runs; without one, nothing is kept')
    .option(
      '--database <where>',
      'memory; embedded for a PostgreSQL in the data folder; or the URL of a server, postgres://… or mysql://…',
      parseDatabase,
      'memory',
    )
    .option('--tls <on|off>', 'off: the API speaks plain HTTP', parseSwitch, true)
    .option(
      '--number <number>',
      'phone number, with + and country code',
      parseNumber,
      LAPTOP_DEFAULTS.phoneNumber,
    )
    .option('--password <password>', 'password of admin', parsePassword)
    .option('--webhook <url>', 'URL that receives the callbacks: HTTPS, or HTTP in a private network')
    .option('--webhook-ca <file>', 'CA that signed the certificate of the webhook (PEM)')
    .option(
      '--seed <file>',
      'YAML or JSON with users, settings, profile, people, templates, catalog and faults',
    )
    .addOption(new Option('--config <file>', 'the same as --seed').hideHelp())
    .option('--no-rate-limits', 'accept more than 50 requests a second')
    .option(
      '--cloud [file]',
      'the Cloud API takes the place of the simulation; the file has WABA_CLOUD_… variables, one NAME=value a line',
    )
    .option(
      '--cloud-webhook-port <port>',
      'port for the webhooks of the Cloud API',
      parsePort,
      LAPTOP_DEFAULTS.cloudWebhookPort,
    )
    .option(
      '--build-date <date>',
      'YYYY-MM-DD; the build expires 180 days later (default: today; with --cloud: never)',
      parseDate,
    )
    .option('--json', 'print one line of JSON on stdout when ready; logs go to stderr');

export interface LaptopFlags {
  port: number;
  controlPort: number;
  graph?: GraphMode;
  graphPort?: number;
  host: string;
  version?: string | true;
  data?: string;
  database: LaptopDatabase;
  tls: boolean;
  number: string;
  password?: string;
  webhook?: string;
  webhookCa?: string;
  seed?: string;
  config?: string;
  rateLimits: boolean;
  buildDate?: number;
  cloud?: string | true;
  cloudWebhookPort: number;
  json?: boolean;
}

/** What a laptop that runs tells somebody at a terminal. */
export type LaptopAbout = Omit<Laptop, 'close'> & { readonly number: string };

/** Resolves when it has ended. `hello`: printed when it is ready. `more`: options that no flag has. */
export async function runLaptop(
  options: LaptopFlags,
  hello: (about: LaptopAbout) => string,
  more: Pick<LaptopOptions, 'rehearsal'> = {},
): Promise<void> {
  if (options.version === true) return void process.stdout.write(`${VERSION}\n`);
  const { port, controlPort, host, data, database, tls, number, password, webhook, webhookCa, json } =
    options;
  const seed = options.seed ?? options.config;
  const { rateLimits, buildDate, graph, version = clientVersion(process.env) } = options;
  const caPem = webhookCa ? await readOption('--webhook-ca', webhookCa) : undefined;
  const cloud = options.cloud && {
    settings: cloudSettings(
      options.cloud === true
        ? process.env
        : { ...process.env, ...parseEnv(await readOption('--cloud', options.cloud)) },
    ),
    webhookPort: options.cloudWebhookPort,
  };
  const terminal = () => quietRepeats(createLogger({ level: 'warn', format: 'pretty' }), systemClock);
  // npm that is killed leaves its scripts running.
  const end = process.env.npm_lifecycle_event ? eitherSignal(stop, parentEnded()).signal : stop;
  const laptop = await startLaptop(
    {
      dataFolder: data,
      database,
      tls,
      port,
      controlPort,
      host,
      phoneNumber: number,
      password,
      seed: seed ? parseSeed(await readOption(options.seed ? '--seed' : '--config', seed)) : undefined,
      rateLimits,
      buildDateMs: buildDate,
      version,
      webhook: webhook === undefined ? undefined : { url: webhook, caPem },
      control: controlAccess(process.env),
      ...(cloud ? { cloud } : {}),
      ...(graph ? { graph: { mode: graph, ...graphPortOf(options.graphPort) } } : {}),
      ...more,
      clock: systemClock,
      logger: json || !interactive ? logger : terminal(),
    },
    end,
  );
  const { close: _, ...about } = laptop;
  if (json) process.stdout.write(`${JSON.stringify(about)}\n`);
  else process.stdout.write(hello({ ...about, number }));
  await aborted(end);
  await laptop.close();
}

/** A port that nobody asked for gives way to a free one. */
const graphPortOf = (asked: number | undefined) => ({
  port: asked ?? LAPTOP_DEFAULTS.graphPort,
  isPortMeant: asked !== undefined,
});

function welcome(about: LaptopAbout): string {
  const { url, controlUrl, cloudWebhookUrl, username, password, caFile, number } = about;
  const graph =
    about.graphUrl === undefined
      ? ''
      : `
  Cloud API  ${about.graphUrl}/v26.0/${about.phoneNumberId}/messages   (simulated; any token)`;
  const behind =
    controlUrl === undefined
      ? `webhooks   ${cloudWebhookUrl}   (for the Cloud API)`
      : `simulation ${controlUrl}`;
  const write =
    controlUrl === undefined
      ? ''
      : `
  curl -X POST ${controlUrl}/numbers/${number.replace('+', '')}/messages -H 'content-type: application/json' -d '{"from":"16505551234","text":"Hi"}'`;
  return `
WhatsApp Business On-Premises ${controlUrl === undefined ? 'API in front of the Cloud API' : 'emulator'}, number ${number}

  API        ${url}   (user ${username}, password ${password})
  CA         ${caFile}
  ${behind}${graph}

Log in${controlUrl === undefined ? ' and write to a customer' : ', let a customer write, and answer'}:

  TOKEN=$(curl -s --cacert ${caFile} -X POST -u '${username}:${password}' ${url}/v1/users/login | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')${write}
  curl --cacert ${caFile} ${url}/v1/messages -H "Authorization: Bearer $TOKEN" -d '{"to":"16505551234","type":"text","text":{"body":"Hello"}}'

Ctrl-C stops it.
`;
}
