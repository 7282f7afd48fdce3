import { hostname } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { describeError } from '../base/codedError.ts';
import { createLogger, LOG_LEVELS, type LogLevel } from '../base/logger.ts';
import { stopSignal } from '../base/stopSignal.ts';
import { startTracing } from '../base/tracing/startTracing.ts';
import { VERSION } from '../base/version.ts';
import { inClusterCredentials, kubeconfigCredentials } from '../engine/kube/credentials.ts';
import { API_ENCODINGS, type ApiEncoding } from '../engine/kube/transport.ts';
import { OPERATOR_DEFAULTS, runOperator } from '../operator/operator.ts';
import { CLUSTER_FIELDS, type ClusterField } from '../operator/resource/databaseClusters.ts';
import { managedEngines } from '../operator/resource/managedEngines.ts';

const { env } = process;
const command = new Command('waba-operator')
  .description('Kubernetes operator for WhatsApp Business On-Premises stacks')
  .version(VERSION)
  .option(
    '--namespaces <names>',
    'namespaces to watch, comma separated; none means all',
    env.WATCH_NAMESPACES ?? '',
  )
  .option('--kubeconfig <file>', 'run outside a cluster, by this kubeconfig')
  .option('--context <name>', 'context of the kubeconfig')
  .option(
    '--service-account-dir <folder>',
    'where the token and the CA of the pod lie',
    '/var/run/secrets/kubernetes.io/serviceaccount',
  )
  .option('--leader-elect', 'only one replica acts at a time')
  .option(
    '--installation <name>',
    'what the replicas of this installation have in common: two never work in one namespace',
    'waba-operator',
  )
  .option(
    '--shards <number>',
    'with --leader-elect: into how many parts the replicas divide the namespaces; 1 lets one replica work on all',
    atLeastOne,
    OPERATOR_DEFAULTS.shards,
  )
  .option(
    '--workers <number>',
    'reconciles at a time, for each controller of stacks',
    atLeastOne,
    OPERATOR_DEFAULTS.workers,
  )
  .option(
    '--max-rolling-stacks <number>',
    'stacks that may restart pods at the same time',
    atLeastOne,
    OPERATOR_DEFAULTS.maxRollingStacks,
  )
  .addOption(
    new Option('--pod-security <level>', 'what users may give pods by podTemplate')
      .choices(['Restricted', 'Unrestricted'])
      .default(OPERATOR_DEFAULTS.podSecurity),
  )
  .addOption(
    new Option('--webhook-probes <scope>', 'which webhook receivers the operator itself may connect to')
      .choices(['Public', 'All'])
      .default(OPERATOR_DEFAULTS.webhookProbes),
  )
  .option(
    '--database-operators <names>',
    `operators whose database clusters stacks may use, comma separated: ${CLUSTER_FIELDS.join(', ')}`,
    databaseOperators,
    [],
  )
  .addOption(
    new Option('--api-encoding <encoding>', 'how the API server writes built-in kinds')
      .env('API_ENCODING')
      .choices(API_ENCODINGS)
      .default('protobuf'),
  )
  .option('--health-port <port>', 'port of /healthz, /readyz and /metrics', '8081')
  .option(
    '--stack-image <image>',
    'image that stacks of stack: Emulator run',
    env.STACK_IMAGE ?? `ghcr.io/waba-operator/waba-stack:${VERSION}`,
  )
  .option(
    '--database-image <repository>',
    'image of managed PostgreSQL databases, without tag',
    env.DATABASE_IMAGE ?? managedEngines.PostgreSQL.image,
  )
  .option(
    '--mysql-image <repository>',
    'image of managed MySQL databases, without tag',
    env.MYSQL_IMAGE ?? managedEngines.MySQL.image,
  )
  .option(
    '--mariadb-image <repository>',
    'image of managed MariaDB databases, without tag',
    env.MARIADB_IMAGE ?? managedEngines.MariaDB.image,
  )
  .option('--log-level <level>', LOG_LEVELS.join(', '), env.LOG_LEVEL ?? 'info')
  .option('--log-format <format>', 'json or pretty', env.LOG_FORMAT ?? 'json')
  .parse();
const options = command.opts<{
  namespaces: string;
  kubeconfig?: string;
  context?: string;
  serviceAccountDir: string;
  leaderElect?: boolean;
  installation: string;
  shards: number;
  workers: number;
  maxRollingStacks: number;
  podSecurity: 'Restricted' | 'Unrestricted';
  webhookProbes: 'Public' | 'All';
  databaseOperators: readonly ClusterField[];
  apiEncoding: ApiEncoding;
  healthPort: string;
  stackImage: string;
  databaseImage: string;
  mysqlImage: string;
  mariadbImage: string;
  logLevel: LogLevel;
  logFormat: 'json' | 'pretty';
}>();

const logger = createLogger({ level: options.logLevel, format: options.logFormat });
const stop = stopSignal();
// A bug in one reconcile must not end the others; the queue tries it again.
process.on('unhandledRejection', (error) => logger.error('unhandled rejection', { error }));

let endTraces = async () => {};
try {
  endTraces = await startTracing({
    env,
    serviceName: 'waba-operator',
    version: VERSION,
    clock: systemClock,
    logger,
  });
  const { kubeconfig: path, context } = options;
  const credentials =
    path || context
      ? await kubeconfigCredentials(systemClock, {
          ...(path ? { path } : {}),
          ...(context ? { context } : {}),
        })
      : await inClusterCredentials(env, systemClock, options.serviceAccountDir);
  await runOperator(
    {
      credentials,
      apiEncoding: options.apiEncoding,
      version: VERSION,
      release: {
        stack: options.stackImage,
        database: options.databaseImage,
        mysql: options.mysqlImage,
        mariadb: options.mariadbImage,
      },
      namespaces: options.namespaces
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
      shards: options.shards,
      workers: options.workers,
      maxRollingStacks: options.maxRollingStacks,
      podSecurity: options.podSecurity,
      webhookProbes: options.webhookProbes,
      databaseOperators: options.databaseOperators,
      health: { host: '0.0.0.0', port: Number(options.healthPort) },
      installation: { namespace: credentials.namespace, name: options.installation },
      replica: options.leaderElect ? `${env.HOSTNAME ?? hostname()}_${process.pid}` : undefined,
      clock: systemClock,
      random: Math.random,
      logger,
    },
    stop,
  );
} catch (error) {
  if (!stop.aborted) {
    logger.error(`cannot run: ${describeError(error)}`);
    process.exitCode = 1;
  }
} finally {
  await endTraces();
}

function databaseOperators(value: string): ClusterField[] {
  return value.split(',').map((name) => {
    const field = CLUSTER_FIELDS.find((known) => known === name.trim());
    if (field) return field;
    throw new InvalidArgumentError(`It must be a list of ${CLUSTER_FIELDS.join(', ')}.`);
  });
}

function atLeastOne(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('It must be a whole number of at least 1.');
}
