import { DEFAULT_INSTANCES } from '../../resource/databaseClusterSpec.ts';
import { databaseClusters } from '../../resource/databaseClusters.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { clusterChoice } from '../facts/databaseCluster.ts';
import { connectionsFor } from '../facts/stackSettings.ts';
import { type Child, child } from './child.ts';

/** The user of the stack, and its database, in which it makes no tables: it creates databases of its own. */
const USER = 'waba';

/**
 * A Cluster of CloudNativePG. Whoever wants more of it may set further fields on the object: the operator reclaims only
 * those that it renders.
 */
export function postgresCluster(resource: WhatsAppDeployment): Child[] {
  const choice = clusterChoice(resource);
  const { cloudNativePG } = resource.spec.database;
  if (!cloudNativePG || !choice?.isOurs) return [];
  const { apiVersion, kind } = databaseClusters.cloudNativePG;
  const { instances = DEFAULT_INSTANCES, storage = { size: '10Gi' }, resources } = cloudNativePG;
  return [
    child(resource, {
      component: 'database',
      identity: { apiVersion, kind, name: choice.name },
      // CloudNativePG deletes the volumes together with the Cluster.
      retained: true,
      inputs: { instances, storage, resources, connections: connectionsFor(resource) },
      render: (inputs) => ({
        spec: {
          instances: inputs.instances,
          storage: {
            size: String(inputs.storage.size),
            ...(inputs.storage.storageClassName ? { storageClass: inputs.storage.storageClassName } : {}),
          },
          ...(inputs.resources ? { resources: inputs.resources } : {}),
          affinity: {
            enablePodAntiAffinity: true,
            podAntiAffinityType: 'preferred',
            topologyKey: 'kubernetes.io/hostname',
          },
          bootstrap: { initdb: { database: USER, owner: USER } },
          // Without passwordSecret, the password stays the one that CloudNativePG generated for the owner.
          managed: { roles: [{ name: USER, ensure: 'present', login: true, createdb: true }] },
          postgresql: {
            parameters: { max_connections: String(inputs.connections) },
            ...synchronous(inputs.instances),
          },
        },
      }),
    }),
  ];
}

/**
 * A message is accepted once most servers have it, and a standby becomes the primary only if it surely has all of these: so
 * many can be asked that one of them confirmed the last write. Otherwise CloudNativePG promotes whichever answers, also while
 * the one that confirmed is away. Of two servers, the one that is left goes on alone, because nobody would be there to confirm.
 */
const synchronous = (instances: number) => {
  if (instances === 1) return {};
  const method = 'any';
  return instances === 2
    ? { synchronous: { method, number: 1, dataDurability: 'preferred' } }
    : {
        synchronous: {
          method,
          number: Math.floor(instances / 2),
          dataDurability: 'required',
          failoverQuorum: true,
        },
      };
};
