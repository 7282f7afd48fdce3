import * as z from 'zod';
import { type ClusterField, databaseClusters } from './databaseClusters.ts';
import { described, objectName, resources, secretRef, withRules } from './fields.ts';
import { storageSpec } from './storageSpec.ts';

/** Instances of a cluster that the operator creates, unless `instances` says otherwise. */
export const DEFAULT_INSTANCES = 3;
/** The newest of the series 8.4 that MySQL Operator 9.1.0-2.2.2 was released with. Later series lack the form of passwords that the vendor's client needs. */
export const DEFAULT_MYSQL_VERSION = '8.4.3';

const modeIn = (self: string) => `(has(${self}.mode) ? ${self}.mode : 'Replication')`;

const nameOf = (field: ClusterField) => {
  const { kind } = databaseClusters[field];
  return objectName(
    `Name of an existing ${kind} in the same namespace, which the operator never changes. Without it, the operator creates one. It cannot be changed.`,
  ).optional();
};

const allowed = (field: ClusterField) =>
  `The chart value \`databaseOperators.${field}\` must allow the operator to look at it.`;

const DEFAULT_SIZE = '10Gi';

const sizeIn = (self: string) =>
  `(has(${self}.storage) ? quantity(string(${self}.storage.size)) : quantity('${DEFAULT_SIZE}'))`;
const classIn = (self: string) =>
  `(has(${self}.storage) && has(${self}.storage.storageClassName) ? ${self}.storage.storageClassName : '')`;

/** What a person decides about a cluster that the operator creates. */
const created = (instances: z.ZodInt) => ({
  instances: described(
    `Only without \`name\`: number of database servers. Default: ${DEFAULT_INSTANCES}.`,
    instances,
  ).optional(),
  storage: described(
    `Only without \`name\`: volume of each database server. Default: ${DEFAULT_SIZE}.`,
    storageSpec(DEFAULT_SIZE),
  ).optional(),
  resources: resources
    .meta({ description: 'Only without `name`: requests and limits of each database server.' })
    .optional(),
});

interface Created {
  readonly name?: string | undefined;
}

/** Rules for a cluster that has a name, and for one that the operator creates, which takes the fields `own`. */
const rulesOf = (field: ClusterField, own: readonly string[], { needsLogin = false } = {}) => {
  const { kind } = databaseClusters[field];
  const login = needsLogin ? 'has(self.credentialsSecretRef) && ' : '';
  const loginText = needsLogin ? ' and needs credentialsSecretRef' : '';
  return [
    {
      cel: `!has(self.name) || (${login}${own.map((name) => `!has(self.${name})`).join(' && ')})`,
      message: `database.${field}.name refers to an existing ${kind}, which has its own ${own.slice(0, -1).join(', ')} and ${own.at(-1)}${loginText}: set name or these fields`,
      check: (value: Created) => {
        const set = Object.entries(value).flatMap(([name, given]) => (given === undefined ? [] : [name]));
        return (
          !set.includes('name') ||
          (!own.some((name) => set.includes(name)) && (!needsLogin || set.includes('credentialsSecretRef')))
        );
      },
    },
    {
      cel: 'has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)',
      message: `database.${field}.name cannot change, because the data of the stack stays in the ${kind}; set it back. To move, create another WhatsAppDeployment with registration.restoreFrom`,
    },
    {
      cel: `${classIn('self')} == ${classIn('oldSelf')}`,
      message: `database.${field}.storage.storageClassName cannot change once the volumes exist; set it back`,
    },
  ];
};

const neverShrinks = (field: ClusterField) => ({
  cel: `${sizeIn('self')}.compareTo(${sizeIn('oldSelf')}) >= 0`,
  message: `database.${field}.storage.size cannot shrink; set it back`,
});

const CREATED_FIELDS = ['instances', 'storage', 'resources'] as const;

export const cloudNativePGSpec = described(
  `A Cluster of CloudNativePG: an existing one, or one that the operator creates. ${allowed('cloudNativePG')}`,
  withRules(
    z.object({
      name: nameOf('cloudNativePG'),
      credentialsSecretRef: secretRef(
        'Secret with `username` and `password` of the user of the stack, who must be able to create databases. Default: the one that CloudNativePG publishes, usually NAME-app. Another Secret gives a running stack another login.',
      ).optional(),
      ...created(z.int().min(1).max(9)),
    }),
    [...rulesOf('cloudNativePG', CREATED_FIELDS), neverShrinks('cloudNativePG')],
  ),
);

export const mysqlOperatorSpec = described(
  `An InnoDBCluster of MySQL Operator: an existing one, or one that the operator creates. ${allowed('mysqlOperator')}`,
  withRules(
    z.object({
      name: nameOf('mysqlOperator'),
      credentialsSecretRef: secretRef(
        'Secret with `username` and `password` of the user of the stack, who must be able to create databases. Default: the root account in the Secret that `spec.secretName` of the InnoDBCluster names. Another Secret gives a running stack another login.',
      ).optional(),
      // A group of two stops when one is away.
      ...created(z.int().min(3).max(9)),
      version: described(
        `Only without \`name\`: version of MySQL. MySQL Operator restarts the servers for another one. Default: ${DEFAULT_MYSQL_VERSION}.`,
        z
          .string()
          .max(32)
          .regex(/^\d+\.\d+\.\d+$/),
      ).optional(),
    }),
    [
      ...rulesOf('mysqlOperator', [...CREATED_FIELDS, 'version']),
      {
        cel: `${sizeIn('self')}.compareTo(${sizeIn('oldSelf')}) == 0`,
        message:
          'database.mysqlOperator.storage.size cannot change, because MySQL Operator makes the volumes once; set it back. To grow them, expand the PersistentVolumeClaims of the servers',
      },
    ],
  ),
);

export const mariadbOperatorSpec = described(
  `A MariaDB of MariaDB Operator: an existing one, or one that the operator creates. ${allowed('mariadbOperator')}`,
  withRules(
    z.object({
      name: nameOf('mariadbOperator'),
      credentialsSecretRef: secretRef(
        'Required with `name`: Secret with `username` and `password` of the user of the stack, who must be able to create databases. Default: the one that the operator generates, STACK-db-login. Another Secret gives a running stack another login.',
      ).optional(),
      ...created(z.int().min(2).max(9)),
      mode: described(
        'Only without `name`: how the servers share the data. Replication: semi-synchronous, one server takes writes. Galera: synchronous, with an odd number of servers. It cannot be changed. Default: Replication.',
        z.enum(['Replication', 'Galera']),
      ).optional(),
    }),
    [
      ...rulesOf('mariadbOperator', [...CREATED_FIELDS, 'mode'], { needsLogin: true }),
      neverShrinks('mariadbOperator'),
      {
        cel: `${modeIn('self')} == ${modeIn('oldSelf')}`,
        message: 'database.mariadbOperator.mode cannot change once the servers exist; set it back',
      },
      {
        cel: `${modeIn('self')} != 'Galera' || !has(self.instances) || self.instances % 2 == 1`,
        message:
          'database.mariadbOperator.instances must be odd with mode Galera, so that a half that loses the other one knows which goes on',
        check: ({ mode, instances = DEFAULT_INSTANCES }) => mode !== 'Galera' || instances % 2 === 1,
      },
    ],
  ),
);
