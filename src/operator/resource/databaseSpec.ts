import { z } from 'zod';
import {
  described,
  planned,
  quantity,
  resources,
  secretKeyRef,
  secretRef,
  text,
  withRules,
} from './fields.ts';

export const storageSpec = (defaultSize: string) =>
  z.object({
    size: quantity('Size of the volume.').default(defaultSize),
    storageClassName: text(253, 'Storage class; the cluster default when absent.').optional(),
  });

const HOSTNAME = /^[A-Za-z0-9]([-A-Za-z0-9.:]*[A-Za-z0-9])?$/;
const NAME_PREFIX = /^[a-z][a-z0-9_]*$/;

const externalDatabase = described(
  'A database server that is already there.',
  withRules(
    z.object({
      engine: described(
        'Engine of the server; MariaDB counts as MySQL.',
        z.enum(['PostgreSQL', 'MySQL']),
      ).default('PostgreSQL'),
      host: described('Host name or address.', z.string().min(1).max(253).regex(HOSTNAME)),
      port: described(
        'Port. Default 5432 for PostgreSQL, 3306 for MySQL.',
        z.int().min(1).max(65_535),
      ).optional(),
      name: described(
        'Prefix of the database names (`WA_DB_NAME_PREFIX`), so that several stacks share a server. Default: derived from the resource.',
        z.string().min(1).max(32).regex(NAME_PREFIX),
      ).optional(),
      credentialsSecretRef: secretRef('Secret with `username` and `password`.'),
      tls: described(
        'Verify the server against a CA, and optionally present a client certificate.',
        withRules(
          z.object({
            mode: described('Disable, or VerifyCA.', z.enum(['Disable', 'VerifyCA'])).default('VerifyCA'),
            caSecretRef: secretKeyRef('ca.crt', 'CA that signed the server certificate.').optional(),
            clientCertificateSecretRef: planned(
              secretRef('Secret of type kubernetes.io/tls with the client certificate.'),
            ).optional(),
          }),
          [
            {
              cel: "self.mode == 'Disable' || has(self.caSecretRef)",
              message: 'VerifyCA needs tls.caSecretRef, the CA that signed the server certificate',
              check: ({ mode, caSecretRef }) => mode === 'Disable' || caSecretRef !== undefined,
            },
          ],
        ),
      ).optional(),
    }),
    [],
  ),
);

const managedDatabase = described(
  'A single server run by the operator: for development and small numbers.',
  z.object({
    engine: planned(described('Engine.', z.enum(['PostgreSQL', 'MySQL'])), ['MySQL']).default('PostgreSQL'),
    version: described(
      'Major version of the engine, the tag of the image.',
      z.string().min(1).max(32),
    ).optional(),
    storage: described('Its volume.', storageSpec('10Gi')).default({ size: '10Gi' }),
    resources: resources.optional(),
  }),
);

const foreignCluster = (kind: string) =>
  planned(
    described(
      `A ${kind} of its own operator, created or referenced.`,
      z.object({
        name: text(253, `Name of an existing ${kind}; created when absent.`).optional(),
        instances: described('Instances when created.', z.int().min(1).max(9)).optional(),
        storage: storageSpec('10Gi').optional(),
      }),
    ),
  );

const choices = ['managed', 'external', 'cloudNativePG', 'mysqlOperator', 'mariadbOperator'] as const;

export const databaseSpec = described(
  'Where the stack keeps its state. Exactly one of its fields.',
  withRules(
    z.object({
      managed: managedDatabase.optional(),
      external: externalDatabase.optional(),
      cloudNativePG: foreignCluster('CloudNativePG Cluster').optional(),
      mysqlOperator: foreignCluster('MySQL Operator InnoDBCluster').optional(),
      mariadbOperator: foreignCluster('MariaDB').optional(),
    }),
    [
      {
        cel: `[${choices.map((name) => `has(self.${name})`).join(', ')}].filter(set, set).size() == 1`,
        message: `set exactly one of ${choices.join(', ')}`,
        check: (database) => choices.filter((name) => database[name] !== undefined).length === 1,
      },
    ],
  ),
);
