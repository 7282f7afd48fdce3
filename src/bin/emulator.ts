import { basename } from 'node:path';
import { parseEnv } from 'node:util';
import { Argument, Command, Option } from 'commander';
import { aborted } from '../base/aborted.ts';
import { systemClock } from '../base/clock.ts';
import { describeError } from '../base/codedError.ts';
import { eitherSignal } from '../base/eitherSignal.ts';
import { createLogger } from '../base/logger.ts';
import { parentEnded } from '../base/parentEnded.ts';
import { quietRepeats } from '../base/quietRepeats.ts';
import { stopSignal } from '../base/stopSignal.ts';
import { startTracing } from '../base/tracing/startTracing.ts';
import { VERSION } from '../base/version.ts';
import { GATEWAY_PORTS } from '../cloud/gatewayStatus.ts';
import { ROTATION_WORK, type RotationWork } from '../onprem/passwordRotation.ts';
import { clientVersion } from '../stack/clientVersionOf.ts';
import { CloudNetwork } from '../stack/cloud/cloudNetwork.ts';
import { cloudSettings } from '../stack/cloud/cloudSettings.ts';
import { type Laptop, startLaptop } from '../stack/laptop.ts';
import { LAPTOP_DEFAULTS } from '../stack/laptopDefaults.ts';
import { parseSeed } from '../stack/laptopSeed.ts';
import type { LaptopDatabase } from '../stack/laptopStores.ts';
import { startControlServer } from '../stack/network/controlServer.ts';
import { Network } from '../stack/network/network.ts';
import { openApi } from '../stack/webapp/openApi.ts';
import {
  parseCount,
  parseDatabase,
  parseDate,
  parseNumber,
  parsePassword,
  parsePort,
  parseSwitch,
  parseVersion,
  readOption,
} from './emulatorOptions.ts';

const stop = stopSignal();

const [, script = '', ...args] = process.argv;
const interactive = process.stderr.isTTY === true;
const lines = createLogger({ level: 'info', format: interactive ? 'pretty' : 'json' });
const logger = quietRepeats(lines, systemClock);
const role = { env: process.env, clock: systemClock, logger, setLogLevel: lines.setLevel };

/** Loaded only when asked for: drivers of databases take as long to load as everything else. */
const roles = () => import('../stack/stackRoles.ts');

/** Runs a program with traces, if the `OTEL_*` variables ask for them, under this name. */
async function whileTraced(serviceName: string, run: () => Promise<void>): Promise<void> {
  const { env } = process;
  const endTraces = await startTracing({
    env,
    serviceName,
    version: VERSION,
    clock: systemClock,
    logger: lines,
  });
  try {
    await run();
  } finally {
    await endTraces();
  }
}

/** Our one image stands for both images of the vendor: the variables of a container tell which. */
async function launch(): Promise<void> {
  const { runCoreapp, runWebapp } = await roles();
  const { COREAPP_HOSTNAME, WA_MASTER_NODE, WA_DB_UPGRADE } = process.env;
  const isCoreapp = COREAPP_HOSTNAME !== undefined || WA_MASTER_NODE === '1' || WA_DB_UPGRADE === '1';
  return isCoreapp
    ? whileTraced('waba-coreapp', () => runCoreapp(role, stop))
    : whileTraced('waba-webapp', () => runWebapp(role, stop));
}

async function runScript(name: string): Promise<void> {
  if (name.startsWith('wait_on_')) await (await roles()).waitOnDatabase(role, stop);
  const next = name.startsWith('wait_on_') ? basename(args[0] ?? '') : name;
  if (next === 'launch_within_docker.sh') await launch();
  else if (next !== '')
    throw new Error(`cannot run ${args.join(' ')}; only launch_within_docker.sh is known`);
}

/** Who may call the control port. */
const controlAccess = ({ WABA_CONTROL_TOKEN: token, WABA_CONTROL_HOSTS: hosts = '' }: NodeJS.ProcessEnv) => ({
  token: token || undefined,
  hosts: hosts
    .split(',')
    .map((host) => host.trim().toLowerCase())
    .filter(Boolean),
});

function program(): Command {
  const command = new Command('waba-emulator')
    .description('Emulator of the WhatsApp Business On-Premises stack')
    // After the name of a subcommand, an option is its own: `--version` of the laptop is that of the client.
    .enablePositionalOptions()
    .version(VERSION, '-V, --emulator-version', 'print the version of the emulator itself');
  addLaptopCommand(command);
  addNetworkCommand(command);
  addCloudCommand(command);
  command
    .command('webapp')
    .description('runs the container of the web image, configured by WA_* variables')
    .action(async () => {
      const { runWebapp } = await roles();
      await whileTraced('waba-webapp', () => runWebapp(role, stop));
    });
  command
    .command('coreapp')
    .description('runs the container of the coreapp image, configured by WA_* variables')
    .action(async () => {
      const { runCoreapp } = await roles();
      await whileTraced('waba-coreapp', () => runCoreapp(role, stop));
    });
  command
    .command('check-database')
    .description(
      'checks the database server that WA_DB_* variables name, and prints one line of JSON with the verdict',
    )
    .option('--connections <number>', 'free connections that the stack needs', parseCount, 1)
    .option('--wait', 'checks until the stack can work with the server')
    .action(async ({ connections: needed, wait = false }: { connections: number; wait?: boolean }) => {
      const print = (line: string) => void process.stdout.write(`${line}\n`);
      const isReady = await (await roles()).runDatabaseCheck(role, { needed, wait, print }, stop);
      process.exitCode = isReady ? 0 : 1;
    });
  command
    .command('rotate-password')
    .description(
      'does one step of a rotation of the database password, as the WABA_DB_ACCOUNT* variables say',
    )
    .addArgument(new Argument('<step>', 'prepare or retire').choices(ROTATION_WORK))
    .action(async (work: RotationWork) => {
      const print = (line: string) => void process.stdout.write(`${line}\n`);
      const { runPasswordRotation } = await roles();
      await runPasswordRotation({ env: process.env, clock: systemClock, work, print }, stop);
    });
  return command;
}

function addLaptopCommand(program: Command): void {
  program
    .command('laptop', { isDefault: true })
    .description('runs a whole stack in one process, registered and ready to send')
    .option('--port <port>', 'HTTPS port of the API', parsePort, LAPTOP_DEFAULTS.port)
    .option(
      '--control-port <port>',
      'port of the simulation page and the control API',
      parsePort,
      LAPTOP_DEFAULTS.controlPort,
    )
    .option('--host <address>', 'address that both listen on', LAPTOP_DEFAULTS.host)
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
    .option('--build-date <date>', 'YYYY-MM-DD; the build expires 180 days later', parseDate)
    .option('--json', 'print one line of JSON on stdout when ready; logs go to stderr')
    .action((options) => whileTraced('waba-emulator', () => runLaptop(options)));
}

async function runLaptop(options: {
  port: number;
  controlPort: number;
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
}): Promise<void> {
  if (options.version === true) return void process.stdout.write(`${VERSION}\n`);
  const { port, controlPort, host, data, database, tls, number, password, webhook, webhookCa, json } =
    options;
  const seed = options.seed ?? options.config;
  const { rateLimits, buildDate, version = clientVersion(process.env) } = options;
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
      seed: seed ? parseSeed(await readOption('--seed', seed)) : undefined,
      rateLimits,
      buildDateMs: buildDate,
      version,
      webhook: webhook === undefined ? undefined : { url: webhook, caPem },
      control: controlAccess(process.env),
      ...(cloud ? { cloud } : {}),
      clock: systemClock,
      logger: json || !interactive ? logger : terminal(),
    },
    end,
  );
  const { close: _, ...about } = laptop;
  if (json) process.stdout.write(`${JSON.stringify(about)}\n`);
  else process.stdout.write(welcome({ ...about, number }));
  await aborted(end);
  await laptop.close();
}

function addNetworkCommand(program: Command): void {
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

function addCloudCommand(program: Command): void {
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

function welcome(about: Omit<Laptop, 'close'> & { readonly number: string }): string {
  const { url, controlUrl, cloudWebhookUrl, username, password, caFile, number } = about;
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
  ${behind}

Log in${controlUrl === undefined ? ' and write to a customer' : ', let a customer write, and answer'}:

  TOKEN=$(curl -s --cacert ${caFile} -X POST -u '${username}:${password}' ${url}/v1/users/login | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')${write}
  curl --cacert ${caFile} ${url}/v1/messages -H "Authorization: Bearer $TOKEN" -d '{"to":"16505551234","type":"text","text":{"body":"Hello"}}'

Ctrl-C stops it.
`;
}

try {
  const name = basename(script);
  if (name.endsWith('.sh')) await runScript(name);
  else await program().parseAsync(args, { from: 'user' });
} catch (error) {
  if (!stop.aborted) {
    process.stderr.write(`error: ${describeError(error)}\n`);
    process.exitCode = 1;
  }
}
