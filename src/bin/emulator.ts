import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { aborted } from '../base/aborted.ts';
import { systemClock } from '../base/clock.ts';
import { describeError } from '../base/codedError.ts';
import { createLogger } from '../base/logger.ts';
import { stopSignal } from '../base/stopSignal.ts';
import { VERSION } from '../base/version.ts';
import { LAPTOP_DEFAULTS, startLaptop } from '../stack/laptop.ts';
import { parseSeed } from '../stack/laptopSeed.ts';
import { startControlServer } from '../stack/network/controlServer.ts';
import { Network } from '../stack/network/network.ts';
import { clientVersion, runCoreapp, runWebapp, waitOnDatabase } from '../stack/stackRoles.ts';
import { openApi } from '../stack/webapp/openApi.ts';

const stop = stopSignal();

const [, script = '', ...args] = process.argv;
const interactive = process.stderr.isTTY === true;
const logger = createLogger({ level: 'info', format: interactive ? 'pretty' : 'json' });
const role = { env: process.env, clock: systemClock, logger, setLogLevel: logger.setLevel };

/** Our one image stands for both images of the vendor: the variables of a container tell which. */
function launch(): Promise<void> {
  const { COREAPP_HOSTNAME, WA_MASTER_NODE, WA_DB_UPGRADE } = process.env;
  const isCoreapp = COREAPP_HOSTNAME !== undefined || WA_MASTER_NODE === '1' || WA_DB_UPGRADE === '1';
  return isCoreapp ? runCoreapp(role, stop) : runWebapp(role, stop);
}

async function runScript(name: string): Promise<void> {
  if (name.startsWith('wait_on_')) await waitOnDatabase(role, stop);
  const next = name.startsWith('wait_on_') ? basename(args[0] ?? '') : name;
  if (next === 'launch_within_docker.sh') await launch();
  else if (next !== '')
    throw new Error(`cannot run ${args.join(' ')}; only launch_within_docker.sh is known`);
}

const parsePort = (text: string): number => {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('a port is a whole number from 0 to 65535');
  return port;
};

const parseDate = (text: string): number => {
  const date = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(date)) throw new InvalidArgumentError('a date has the form YYYY-MM-DD');
  return date;
};

const dataFolder = (): string =>
  join(process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'waba-operator', 'emulator');

function program(): Command {
  const command = new Command('waba-emulator')
    .description('Emulator of the WhatsApp Business On-Premises stack')
    .version(VERSION);
  addLaptopCommand(command);
  addNetworkCommand(command);
  command
    .command('webapp')
    .description('runs the container of the web image, configured by WA_* variables')
    .action(() => runWebapp(role, stop));
  command
    .command('coreapp')
    .description('runs the container of the coreapp image, configured by WA_* variables')
    .action(() => runCoreapp(role, stop));
  return command;
}

function addLaptopCommand(program: Command): void {
  program
    .command('laptop', { isDefault: true })
    .description(
      'runs a whole stack in one process, registered and ready to send; data is kept between runs; WABA_CLIENT_VERSION sets its version',
    )
    .option('--port <port>', 'HTTPS port of the API', parsePort, LAPTOP_DEFAULTS.port)
    .option('--data <folder>', 'folder for data that is kept between runs', dataFolder())
    .option('--number <number>', 'phone number, with + and country code', LAPTOP_DEFAULTS.phoneNumber)
    .option('--webhook <url>', 'HTTPS URL that receives the callbacks')
    .option('--webhook-ca <file>', 'CA that signed the certificate of the webhook (PEM)')
    .option('--config <file>', 'YAML with users, settings, profile, templates and people to start with')
    .option('--no-rate-limits', 'accept more than 50 requests a second')
    .option('--build-date <date>', 'YYYY-MM-DD; the build expires 180 days later', parseDate)
    .option('--json', 'print one line of JSON on stdout when ready; logs go to stderr')
    .action(runLaptop);
}

async function runLaptop(options: {
  port: number;
  data: string;
  number: string;
  webhook?: string;
  webhookCa?: string;
  config?: string;
  rateLimits: boolean;
  buildDate?: number;
  json?: boolean;
}): Promise<void> {
  const { port, data, number, webhook, webhookCa, config, rateLimits, buildDate, json } = options;
  const caPem = webhookCa ? await readFile(webhookCa, 'utf8') : undefined;
  const laptop = await startLaptop(
    {
      dataFolder: data,
      port,
      phoneNumber: number,
      seed: config ? parseSeed(await readFile(config, 'utf8')) : undefined,
      rateLimits,
      buildDateMs: buildDate,
      version: clientVersion(process.env),
      webhook: webhook ? { url: webhook, caPem } : undefined,
      clock: systemClock,
      logger: json || !interactive ? logger : createLogger({ level: 'warn', format: 'pretty' }),
    },
    stop,
  );
  const { url, controlUrl, username, password, caFile } = laptop;
  if (json) process.stdout.write(`${JSON.stringify({ url, controlUrl, username, password, caFile })}\n`);
  else process.stdout.write(welcome({ url, controlUrl, username, password, caFile, number }));
  await aborted(stop);
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
    .action(runNetwork);
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
  const control = await startControlServer(network, {
    host,
    port: controlPort,
    openApi: openApi(clientVersion(process.env)),
  });
  logger.info('network listening', { port: network.port, controlPort: control.port });
  await aborted(stop);
  await control.close();
  await network.close();
}

function welcome(about: {
  url: string;
  controlUrl: string;
  username: string;
  password: string;
  caFile: string;
  number: string;
}): string {
  const { url, controlUrl, username, password, caFile, number } = about;
  return `
WhatsApp Business On-Premises emulator, number ${number}

  API        ${url}   (user ${username}, password ${password})
  CA         ${caFile}
  simulation ${controlUrl}

Log in, let a customer write, and answer:

  TOKEN=$(curl -s --cacert ${caFile} -X POST -u '${username}:${password}' ${url}/v1/users/login | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  curl -X POST ${controlUrl}/numbers/${number.replace('+', '')}/messages -H 'content-type: application/json' -d '{"from":"16505551234","text":"Hi"}'
  curl --cacert ${caFile} ${url}/v1/messages -H "Authorization: Bearer $TOKEN" -d '{"to":"16505551234","type":"text","text":{"body":"Hello"}}'

Ctrl-C stops it; the data stays.
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
