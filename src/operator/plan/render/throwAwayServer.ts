import type { StackVariable } from '../../../onprem/environment.ts';
import { type ManagedEngine, managedEngines } from '../../resource/managedEngines.ts';
import { DATABASE_USER } from './managedDatabase.ts';
import { type EnvVar, restricted } from './podTemplate.ts';

/** The server listens inside of the pod only, whoever may reach the pod: the password protects nothing. */
const HOST = '127.0.0.1';
const PASSWORD = 'throw-away';

const RESOURCES = {
  requests: { cpu: '100m', memory: '256Mi' },
  limits: { cpu: '2', memory: '1Gi' },
};
/** A large image, or a slow disk: creating the files of MySQL takes a minute there. */
const START_SECONDS = 600;

interface Protocol {
  readonly user: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly dataPath: string;
  readonly runPath: string;
}

/** By the variables of the official images. Both protocols keep their data in a folder below the mount point, as managed servers do. */
const PROTOCOLS: Readonly<Record<'PGSQL' | 'MYSQL', Protocol>> = {
  PGSQL: {
    user: 'postgres',
    args: ['-c', `listen_addresses=${HOST}`, '-c', 'fsync=off'],
    env: { POSTGRES_PASSWORD: PASSWORD, PGDATA: '/var/lib/postgresql/data/pgdata' },
    dataPath: '/var/lib/postgresql/data',
    runPath: '/var/run/postgresql',
  },
  // The image may be of MySQL or of MariaDB, if a user names it: only options that both know, or that one may ignore.
  MYSQL: {
    user: 'root',
    args: [
      '--datadir=/var/lib/mysql/data',
      `--bind-address=${HOST}`,
      '--character-set-server=utf8mb4',
      '--skip-log-bin',
      '--skip-name-resolve',
      '--secure-file-priv=/tmp',
      '--loose-mysqlx=OFF',
    ],
    env: { MYSQL_ROOT_PASSWORD: PASSWORD, MARIADB_ROOT_PASSWORD: PASSWORD },
    dataPath: '/var/lib/mysql',
    runPath: '/var/run/mysqld',
  },
};

/** A server for one Job, beside its program: a sidecar, which Kubernetes ends with the others, and whose data go with the pod. */
export function throwAwayServer(engine: ManagedEngine, image: string) {
  const { protocol, port } = managedEngines[engine];
  const { user, args, env, dataPath, runPath } = PROTOCOLS[protocol];
  const mounted = [
    { name: 'server-data', mountPath: dataPath },
    { name: 'server-run', mountPath: runPath },
    { name: 'server-tmp', mountPath: '/tmp' },
  ];
  const value = (name: StackVariable, text: string): EnvVar => ({ name, value: text });
  return {
    protocol,
    /** How the program and the tools reach it. */
    variables: [
      value('WA_DB_ENGINE', protocol),
      value('WA_DB_HOSTNAME', HOST),
      value('WA_DB_PORT', String(port)),
      value('WA_DB_USERNAME', user),
      value('WA_DB_PASSWORD', PASSWORD),
    ],
    container: {
      name: 'server',
      image,
      restartPolicy: 'Always',
      args,
      env: Object.entries(env).map(([name, text]) => ({ name, value: text })),
      // A tcpSocket probe connects to the address of the pod, where nothing listens. While the image sets the server up, it
      // takes no TCP connections.
      startupProbe: {
        exec: { command: ['bash', '-c', `exec 3<>/dev/tcp/${HOST}/${port}`] },
        periodSeconds: 2,
        timeoutSeconds: 5,
        failureThreshold: START_SECONDS / 2,
      },
      volumeMounts: mounted,
      resources: RESOURCES,
      securityContext: { ...restricted().container, runAsUser: DATABASE_USER, runAsGroup: DATABASE_USER },
    },
    volumes: mounted.map(({ name }) => ({ name, emptyDir: {} })),
  };
}
