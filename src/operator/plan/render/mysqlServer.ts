import { seriesOf } from '../../resource/managedEngines.ts';
import { quantityOf } from '../../resource/quantity.ts';
import { type DatabaseServer, fromSecret, type ServerInput } from './databaseServer.ts';
import type { Resources } from './podTemplate.ts';
import { CERTIFICATE_FILES } from './serverTls.ts';

const DATA_PATH = '/var/lib/mysql';

/** Settings of both engines. The query cache that the vendor's templates set is gone from MySQL 8.0. */
const settings = ({ hasTls, connections, resources }: ServerInput): string[] => [
  // A folder below the mount point: an ext4 volume has a lost+found, and a server takes each folder for a database.
  `--datadir=${DATA_PATH}/data`,
  `--max-connections=${connections}`,
  '--character-set-server=utf8mb4',
  // A log of changes for replicas, of which there are none, would fill the volume.
  '--skip-log-bin',
  // Probes connect without a login, for which a server in time refuses a client that it remembers.
  '--host-cache-size=0',
  '--skip-name-resolve',
  ...bufferPool(resources),
  // Plain connections stay possible, so that the nodes can change one after the other.
  ...(hasTls ? [`--ssl-cert=${CERTIFICATE_FILES.chain}`, `--ssl-key=${CERTIFICATE_FILES.key}`] : []),
];

const MIB = 1024 ** 2;
/** Memory of a server beside its buffer pool, at least. */
const OTHER_MEMORY = 512 * MIB;

/**
 * Three quarters of the memory, as in the vendor's templates (docs/onprem/deployment.md §4.3), and less of a small one.
 * Without `resources`, or where too little is left, the server's own default of 128 MiB.
 */
function bufferPool(resources: Resources): string[] {
  const declared = resources?.limits?.memory ?? resources?.requests?.memory;
  const memory = declared === undefined ? 0 : (quantityOf(declared) ?? 0);
  const poolMib = Math.floor((memory - Math.max(memory / 4, OTHER_MEMORY)) / MIB);
  return poolMib > 128 ? [`--innodb-buffer-pool-size=${poolMib}M`] : [];
}

/** What both engines need of the pod. */
const server = (args: readonly string[], env: DatabaseServer['container']['env']): DatabaseServer => ({
  container: {
    args,
    env,
    ports: [{ name: 'mysql', containerPort: 3306 }],
    // After a crash the port opens only when InnoDB has recovered, which takes long where much was written.
    startupProbe: { tcpSocket: { port: 'mysql' }, periodSeconds: 2, failureThreshold: 1_800 },
    readinessProbe: { tcpSocket: { port: 'mysql' }, periodSeconds: 2, timeoutSeconds: 2 },
    livenessProbe: {
      tcpSocket: { port: 'mysql' },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
  },
  dataPath: DATA_PATH,
  runPath: '/var/run/mysqld',
  // InnoDB writes its changed pages before it ends; what it does not manage, it does at the next start.
  terminationGracePeriodSeconds: 300,
});

/**
 * What makes the accounts take passwords in the form that the vendor's client knows, by series
 * (docs/onprem/deployment.md §4.1). Later series have no such form any more.
 */
const NATIVE_PASSWORDS: Readonly<Record<string, readonly string[]>> = {
  '8.0': ['default-authentication-plugin=mysql_native_password'],
  '8.4': ['mysql-native-password=ON', 'authentication-policy=*:mysql_native_password'],
};

/** As lines of a file of settings. */
export const nativePasswords = (version: string): readonly string[] =>
  NATIVE_PASSWORDS[seriesOf('MySQL', version)] ?? [];

/** MySQL, by the variables of its official image. */
export const mysqlServer = (input: ServerInput): DatabaseServer =>
  server(
    [
      ...settings(input),
      // Nobody speaks its second protocol, or exports to files, for which the image would make a folder.
      ...['--mysqlx=OFF', '--secure-file-priv=NULL'],
      ...nativePasswords(input.version).map((setting) => `--${setting}`),
    ],
    [fromSecret(input.secretName, 'MYSQL_ROOT_PASSWORD', 'password')],
  );

/** MariaDB, by the variables of its official image. */
export const mariadbServer = (input: ServerInput): DatabaseServer =>
  server(
    // Else each probe, which connects without a login, makes a line in the log.
    [...settings(input), '--log-warnings=1'],
    [fromSecret(input.secretName, 'MARIADB_ROOT_PASSWORD', 'password')],
  );
