import * as z from 'zod';

/** Ports of a Coreapp or Master, in the order of `COREAPP_EXTERNAL_PORTS`. */
export const NODE_PORTS = { messaging: 6250, contacts: 6251, control: 6252, healthcheck: 6253 } as const;
export type NodePortName = keyof typeof NODE_PORTS;
export const NODE_PORT_NAMES = Object.keys(NODE_PORTS) as NodePortName[];
export const WEB_PORT = 443;
export const MEDIA_PATH = '/usr/local/wamedia';
/** Where Coreapps keep their configuration, unless it is in the database. */
const DATA_PATH = '/usr/local/waent/data';
export const SCRIPTS = {
  launch: '/opt/whatsapp/bin/launch_within_docker.sh',
  waitOnPostgres: '/opt/whatsapp/bin/wait_on_postgres.sh',
  waitOnMysql: '/opt/whatsapp/bin/wait_on_mysql.sh',
} as const;
/** Characters of the API key. Source: docs/onprem/api-admin.md §3.4. */
export const API_KEY_LENGTH = { least: 12, most: 128 } as const;
/** Days after which a build of the client expires. Source: docs/onprem/deployment.md §1. */
export const BUILD_LIFETIME_DAYS = 180;
/** With the Cloud API behind our stack, an end of the build would end a service that works. */
export const BUILD_DATE_WITH_CLOUD = '9000-01-01';
/** Characters that a database password must not contain. */
export const FORBIDDEN_PASSWORD_CHARACTERS = '?{}&~!()^=';

const flag = z
  .enum(['0', '1', ''])
  .default('0')
  .transform((value) => value === '1');
const port = z.coerce.number().int().min(1).max(65_535);

/** The variables of the vendor's containers that configure a stack. Source: docs/onprem/deployment.md §2. */
export const stackEnvironment = z.object({
  WA_DB_ENGINE: z.enum(['PGSQL', 'MYSQL']).default('PGSQL'),
  WA_DB_HOSTNAME: z.string().min(1),
  WA_DB_PORT: port.optional(),
  WA_DB_USERNAME: z.string().min(1),
  WA_DB_PASSWORD: z.string(),
  WA_DB_NAME_PREFIX: z.string().default(''),
  WA_DB_SSL_CA: z.string().default(''),
  WA_DB_SSL_CERT: z.string().default(''),
  WA_DB_SSL_KEY: z.string().default(''),
  /** Of Coreapps and Masters only, and older than the three above: `sslmode=verify-full`. */
  WA_DB_CONNECTION_OPTION: z.string().default(''),
  /** Of MySQL only: milliseconds after which an idle connection is closed. */
  WA_DB_CONNECTION_IDLE_TIMEOUT: z.coerce.number().int().min(1000).max(28_800_000).optional(),
  /** Of the Webapp only: whether its connections stay open. */
  WA_DB_PERSISTENT: z.enum(['0', '1']).optional(),
  WA_DB_UPGRADE: flag,
  WA_APP_MULTICONNECT: flag,
  WA_MASTER_NODE: flag,
  WA_CONFIG_ON_DB: flag,
  WA_TCP_LISTEN_ADDRESS: z.string().default('127.0.0.1'),
  WA_SECRET: z.string().default(''),
  WA_API_KEY: z.string().min(API_KEY_LENGTH.least).max(API_KEY_LENGTH.most).optional(),
  WA_WEB_JWT_CRYPTO_KEY: z.string().optional(),
  WA_WEB_SERVERNAME: z.string().default('localhost'),
  WACORE_HOSTNAME: z.string().default('wacore'),
  COREAPP_HOSTNAME: z.string().optional(),
  COREAPP_EXTERNAL_PORTS: z
    .string()
    .default(Object.values(NODE_PORTS).join(','))
    .transform((value) => value.split(',').map(Number))
    .pipe(z.array(z.int().min(1).max(65_535)).length(4)),
  HOSTNAME: z.string().optional(),
  /** Of the emulator only: where its network process is. */
  WABA_NETWORK_URL: z.string().optional(),
  /** Of the emulator only: the client version that it reports, and compares with that of its databases. */
  WABA_CLIENT_VERSION: z
    .string()
    .regex(/^v\d+\.\d+\.\d+$/, 'must look like v2.57.1')
    .optional(),
  /**
   * Of the emulator only: how much of the server's certificate is verified. Without it, a CA means `verify-full`, as far as
   * the driver can. Not found in any source: a variable of the vendor's client for it. Source: docs/onprem/deployment.md §4.5.
   */
  WABA_DB_SSL_MODE: z.enum(['verify-ca', 'verify-full']).optional(),
  /** Of the emulator only: the most connections of a process to each of its four databases. */
  WABA_DB_CONNECTIONS: z.coerce.number().int().min(1).max(80).optional(),
  /** Of the emulator only: `0` switches the rate limits off, for measurements. */
  WABA_RATE_LIMITS: z.enum(['0', '1']).default('1'),
  /** Of the emulator only: the date of the build, YYYY-MM-DD, to rehearse its expiry. */
  WABA_BUILD_DATE: z.iso.date().optional(),
  /** Of the emulator only: the mount path of the media volume, if not the usual one. */
  WABA_MEDIA_PATH: z.string().default(MEDIA_PATH),
  /** Of the emulator only: hosts that links of messages may name, `media.example,*.shop.example`, or `*`. */
  WABA_MEDIA_HOSTS: z
    .string()
    .optional()
    .transform((list) =>
      list
        ?.split(',')
        .map((host) => host.trim().toLowerCase())
        .filter(Boolean),
    ),
  /** Of the emulator only: the mount path of the data directory, if not the usual one. */
  WABA_DATA_PATH: z.string().default(DATA_PATH),
});
export type StackEnvironment = z.output<typeof stackEnvironment>;
export type StackVariable = keyof StackEnvironment;
