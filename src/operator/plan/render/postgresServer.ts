import { type DatabaseServer, fromSecret, type ServerInput } from './databaseServer.ts';
import { CERTIFICATE_FILES } from './serverTls.ts';

/** Plain connections stay possible: nodes of an earlier version still use them. */
export const POSTGRES_TLS = [
  'ssl=on',
  `ssl_cert_file=${CERTIFICATE_FILES.chain}`,
  `ssl_key_file=${CERTIFICATE_FILES.key}`,
].flatMap((setting) => ['-c', setting]);

/** PostgreSQL, by the variables of its official image. */
export const postgresServer = ({ secretName, hasTls, connections }: ServerInput): DatabaseServer => ({
  container: {
    args: ['-c', `max_connections=${connections}`, ...(hasTls ? POSTGRES_TLS : [])],
    env: [
      fromSecret(secretName, 'POSTGRES_USER', 'username'),
      fromSecret(secretName, 'POSTGRES_PASSWORD', 'password'),
      // A folder below the mount point: an ext4 volume has a lost+found that initdb refuses.
      { name: 'PGDATA', value: '/var/lib/postgresql/data/pgdata' },
    ],
    ports: [{ name: 'postgres', containerPort: 5432 }],
    readinessProbe: {
      tcpSocket: { port: 'postgres' },
      periodSeconds: 1,
      timeoutSeconds: 2,
      failureThreshold: 6,
    },
    livenessProbe: {
      tcpSocket: { port: 'postgres' },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
      initialDelaySeconds: 30,
    },
  },
  dataPath: '/var/lib/postgresql/data',
  runPath: '/var/run/postgresql',
  terminationGracePeriodSeconds: 60,
});
