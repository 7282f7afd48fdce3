import { z } from 'zod';
import { type ClusterField, databaseClusters } from './databaseClusters.ts';
import { described, objectName, resources, secretRef, withRules } from './fields.ts';
import { storageSpec } from './storageSpec.ts';

/** Instances of a cluster that the operator creates, unless `instances` says otherwise. */
export const DEFAULT_INSTANCES = 3;

const nameOf = (kind: string) =>
  objectName(`Name of an existing ${kind} in the same namespace, which the operator never changes.`);

const allowed = (field: ClusterField) =>
  `The chart value \`databaseOperators.${field}\` must allow the operator to look at it.`;

const cannotMove = (field: ClusterField) =>
  `database.${field}.name cannot change, because the data of the stack stays in the ${databaseClusters[field].kind}; set it back. To move, create another WhatsAppDeployment with registration.restoreFrom`;

const sizeIn = (self: string) =>
  `(has(${self}.storage) ? quantity(string(${self}.storage.size)) : quantity('10Gi'))`;
const classIn = (self: string) =>
  `(has(${self}.storage) && has(${self}.storage.storageClassName) ? ${self}.storage.storageClassName : '')`;

export const cloudNativePGSpec = described(
  `A Cluster of CloudNativePG: an existing one, or one that the operator creates. ${allowed('cloudNativePG')}`,
  withRules(
    z.object({
      name: nameOf('Cluster')
        .meta({
          description:
            'Name of an existing Cluster in the same namespace, which the operator never changes. Without it, the operator creates one. It cannot be changed.',
        })
        .optional(),
      credentialsSecretRef: secretRef(
        'Only with `name`: Secret with `username` and `password` of the user of the stack, who must be able to create databases. Default: the one that CloudNativePG publishes, usually NAME-app.',
      ).optional(),
      instances: described(
        `Only without \`name\`: number of database servers. Default: ${DEFAULT_INSTANCES}.`,
        z.int().min(1).max(9),
      ).optional(),
      storage: described(
        'Only without `name`: volume of each database server. Default: 10Gi.',
        storageSpec('10Gi'),
      ).optional(),
      resources: resources
        .meta({ description: 'Only without `name`: requests and limits of each database server.' })
        .optional(),
    }),
    [
      {
        cel: 'has(self.name) ? !has(self.instances) && !has(self.storage) && !has(self.resources) : !has(self.credentialsSecretRef)',
        message:
          'database.cloudNativePG.name refers to an existing Cluster, which has its own instances, storage and resources: remove these fields, or name. credentialsSecretRef goes with name only, because a created Cluster gets a user of its own',
        check: ({ name, instances, storage, resources: wanted, credentialsSecretRef }) =>
          name === undefined
            ? credentialsSecretRef === undefined
            : [instances, storage, wanted].every((value) => value === undefined),
      },
      {
        cel: 'has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)',
        message: cannotMove('cloudNativePG'),
      },
      {
        cel: `${classIn('self')} == ${classIn('oldSelf')}`,
        message:
          'database.cloudNativePG.storage.storageClassName cannot change once the volumes exist; set it back',
      },
      {
        cel: `${sizeIn('self')}.compareTo(${sizeIn('oldSelf')}) >= 0`,
        message: 'database.cloudNativePG.storage.size cannot shrink; set it back',
      },
    ],
  ),
);

const nameIsKept = (field: ClusterField) => ({
  cel: 'self.name == oldSelf.name',
  message: cannotMove(field),
});

export const mysqlOperatorSpec = described(
  `An existing InnoDBCluster of MySQL Operator. ${allowed('mysqlOperator')}`,
  withRules(
    z.object({
      name: nameOf('InnoDBCluster'),
      credentialsSecretRef: secretRef(
        'Secret with `username` and `password` of the user of the stack, who must be able to create databases. Default: the root account in the Secret that `spec.secretName` of the InnoDBCluster names.',
      ).optional(),
    }),
    [nameIsKept('mysqlOperator')],
  ),
);

export const mariadbOperatorSpec = described(
  `An existing MariaDB of MariaDB Operator. ${allowed('mariadbOperator')}`,
  withRules(
    z.object({
      name: nameOf('MariaDB'),
      credentialsSecretRef: secretRef(
        'Secret with `username` and `password` of the user of the stack, who must be able to create databases.',
      ),
    }),
    [nameIsKept('mariadbOperator')],
  ),
);
