import { DEFAULT_INSTANCES, DEFAULT_MYSQL_VERSION } from '../../resource/databaseClusterSpec.ts';
import { databaseClusters } from '../../resource/databaseClusters.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { clusterChoice } from '../facts/databaseCluster.ts';
import { names } from '../facts/names.ts';
import { connectionsFor } from '../facts/stackSettings.ts';
import { type Child, child } from './child.ts';
import { apart } from './clusterPods.ts';
import { nativePasswords } from './mysqlServer.ts';

/** Routers, which lead to the server that takes writes. One more than one, so that a restart of a machine closes not all. */
const ROUTERS = 2;

/** An InnoDBCluster of MySQL Operator. Its account and its certificate are in Secrets that the operator generates. */
export function mysqlCluster(resource: WhatsAppDeployment): Child[] {
  const choice = clusterChoice(resource);
  const { mysqlOperator } = resource.spec.database;
  if (!mysqlOperator || !choice?.isOurs) return [];
  const { apiVersion, kind } = databaseClusters.mysqlOperator;
  const {
    instances = DEFAULT_INSTANCES,
    storage = { size: '10Gi' },
    resources,
    version = DEFAULT_MYSQL_VERSION,
  } = mysqlOperator;
  const { clusterRootSecret, clusterCertificateSecret } = names(resource.metadata.name);
  return [
    child(resource, {
      component: 'database',
      identity: { apiVersion, kind, name: choice.name },
      retained: true,
      inputs: {
        name: choice.name,
        instances,
        storage,
        resources,
        version,
        connections: connectionsFor(resource),
        account: clusterRootSecret,
        certificate: clusterCertificateSecret,
        isVendors: resource.spec.stack === 'OnPremises',
      },
      render: ({
        name,
        instances,
        storage,
        resources,
        version,
        connections,
        account,
        certificate,
        isVendors,
      }) => ({
        spec: {
          instances,
          version,
          secretName: account,
          // The servers, the routers, and the CA of both: one Secret has the keys of all.
          tlsUseSelfSigned: false,
          tlsCASecretName: certificate,
          tlsSecretName: certificate,
          router: { instances: ROUTERS, tlsSecretName: certificate },
          datadirVolumeClaimTemplate: {
            accessModes: ['ReadWriteOnce'],
            ...(storage.storageClassName ? { storageClassName: storage.storageClassName } : {}),
            resources: { requests: { storage: String(storage.size) } },
          },
          podSpec: {
            affinity: apart({ 'mysql.oracle.com/cluster': name, component: 'mysqld' }),
            ...(resources ? { containers: [{ name: 'mysql', resources }] } : {}),
          },
          mycnf: [
            '[mysqld]',
            `max_connections=${connections}`,
            'character_set_server=utf8mb4',
            ...(isVendors ? nativePasswords(version) : []),
            '',
          ].join('\n'),
        },
      }),
    }),
  ];
}
