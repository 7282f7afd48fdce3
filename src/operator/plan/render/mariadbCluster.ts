import { DEFAULT_INSTANCES } from '../../resource/databaseClusterSpec.ts';
import { databaseClusters } from '../../resource/databaseClusters.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { clusterChoice } from '../facts/databaseCluster.ts';
import { CLUSTER_USER } from '../facts/generatedSecrets.ts';
import { names } from '../facts/names.ts';
import { connectionsFor } from '../facts/stackSettings.ts';
import { type Child, child } from './child.ts';
import { apart } from './clusterPods.ts';

/**
 * What the stack does, and what dumps and their restore need. Not READ ONLY ADMIN, which `ALL PRIVILEGES` contains: its
 * holder writes even to a primary that a switchover has made read-only.
 */
export const CLUSTER_RIGHTS = [
  ...['ALTER', 'CREATE', 'DELETE', 'DROP', 'INDEX', 'INSERT', 'REFERENCES', 'SELECT', 'UPDATE'],
  ...['ALTER ROUTINE', 'CREATE ROUTINE', 'CREATE VIEW', 'EXECUTE', 'LOCK TABLES', 'SHOW VIEW', 'TRIGGER'],
] as const;

/** A MariaDB of MariaDB Operator, with a User who has the password of a Secret that the operator generates, and a Grant. */
export function mariadbCluster(resource: WhatsAppDeployment): Child[] {
  const choice = clusterChoice(resource);
  const { mariadbOperator } = resource.spec.database;
  if (!mariadbOperator || !choice?.isOurs) return [];
  const { apiVersion, kind } = databaseClusters.mariadbOperator;
  const {
    instances = DEFAULT_INSTANCES,
    storage = { size: '10Gi' },
    resources,
    mode = 'Replication',
  } = mariadbOperator;
  const { name } = choice;
  const connections = connectionsFor(resource);
  const common = { component: 'database', retained: true } as const;
  return [
    child(resource, {
      ...common,
      identity: { apiVersion, kind, name },
      inputs: {
        name,
        instances,
        storage,
        resources,
        mode,
        connections,
        keepsData: resource.spec.deletionPolicy === 'Retain',
      },
      render: (inputs) => ({
        spec: {
          replicas: inputs.instances,
          ...(inputs.mode === 'Galera'
            ? { galera: { enabled: true } }
            : { replication: replication(inputs.instances) }),
          storage: {
            size: String(inputs.storage.size),
            ...(inputs.storage.storageClassName ? { storageClassName: inputs.storage.storageClassName } : {}),
            pvcRetentionPolicy: {
              whenDeleted: inputs.keepsData ? 'Retain' : 'Delete',
              whenScaled: 'Retain',
            },
          },
          ...(inputs.resources ? { resources: inputs.resources } : {}),
          affinity: apart({
            'app.kubernetes.io/name': 'mariadb',
            'app.kubernetes.io/instance': inputs.name,
          }),
          tls: { enabled: true, required: true },
          myCnf: [
            '[mariadb]',
            `max_connections=${inputs.connections}`,
            'character_set_server=utf8mb4',
            // With ON, its default, a server without a replica yet waits for one that cannot connect: MariaDB Operator makes
            // the account of replicas there first.
            ...(inputs.mode === 'Replication' ? ['rpl_semi_sync_master_wait_no_slave=OFF'] : []),
            '',
          ].join('\n'),
        },
      }),
    }),
    child(resource, {
      ...common,
      identity: { apiVersion, kind: 'User', name },
      inputs: { cluster: name, password: names(resource.metadata.name).clusterLoginSecret, connections },
      render: ({ cluster, password, connections }) => ({
        spec: {
          ...ofCluster(cluster),
          name: CLUSTER_USER,
          host: '%',
          passwordSecretKeyRef: { name: password, key: 'password' },
          // Its default is 10.
          maxUserConnections: connections,
        },
      }),
    }),
    child(resource, {
      ...common,
      identity: { apiVersion, kind: 'Grant', name },
      inputs: { cluster: name },
      render: ({ cluster }) => ({
        spec: {
          ...ofCluster(cluster),
          username: CLUSTER_USER,
          host: '%',
          // The databases of the stack have names that it makes. The servers are its own.
          database: '*',
          table: '*',
          privileges: [...CLUSTER_RIGHTS],
        },
      }),
    }),
  ];
}

const ofCluster = (name: string) => ({
  // It may start before its servers.
  mariaDbRef: { name, waitForIt: true },
  // It goes together with the servers, which nobody can ask any more then.
  cleanupPolicy: 'Skip',
});

/**
 * A message is accepted once a second server has it on its disk. Of three servers or more, the primary waits for that as long
 * as a replica is connected; of two, no longer than the server does by default. Without any replica it goes on alone.
 */
const replication = (instances: number) => ({
  enabled: true,
  semiSyncEnabled: true,
  semiSyncWaitPoint: 'AfterSync',
  syncBinlog: 1,
  ...(instances > 2 ? { semiSyncAckTimeout: '720h' } : {}),
});
