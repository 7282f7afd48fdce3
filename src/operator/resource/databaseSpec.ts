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
    storageClassName: text(253, 'Storage class. Default: that of the cluster.').optional(),
  });

const HOSTNAME = /^[A-Za-z0-9]([-A-Za-z0-9.:]*[A-Za-z0-9])?$/;
const NAME_PREFIX = /^[a-z][a-z0-9_]*$/;

const externalDatabase = described(
  'An existing database server.',
  withRules(
    z.object({
      engine: described(
        'Engine of the server. Use MySQL for MariaDB.',
        z.enum(['PostgreSQL', 'MySQL']),
      ).default('PostgreSQL'),
      host: described('Host name or IP address of the server.', z.string().min(1).max(253).regex(HOSTNAME)),
      port: described(
        'Port of the server. Default: 5432 for PostgreSQL, 3306 for MySQL.',
        z.int().min(1).max(65_535),
      ).optional(),
      name: described(
        'Prefix of the database names (`WA_DB_NAME_PREFIX`), so that several stacks can share a server. Default: derived from the name of the resource.',
        z.string().min(1).max(32).regex(NAME_PREFIX),
      ).optional(),
      credentialsSecretRef: secretRef('Secret with `username` and `password`.'),
      tls: described(
        'TLS between the stack and the database server.',
        withRules(
          z.object({
            mode: described(
              'VerifyCA verifies the server against caSecretRef; Disable turns TLS off.',
              z.enum(['Disable', 'VerifyCA']),
            ).default('VerifyCA'),
            caSecretRef: secretKeyRef('ca.crt', 'CA that signed the server certificate.').optional(),
            clientCertificateSecretRef: planned(
              secretRef('Secret of type kubernetes.io/tls with the client certificate.'),
            ).optional(),
          }),
          [
            {
              cel: "self.mode == 'Disable' || has(self.caSecretRef)",
              message:
                'tls.mode VerifyCA needs tls.caSecretRef, the CA that signed the server certificate; set it, or set tls.mode to Disable',
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
  'A single PostgreSQL server that the operator runs: for development and low traffic.',
  z.object({
    engine: planned(described('Engine of the server.', z.enum(['PostgreSQL', 'MySQL'])), ['MySQL']).default(
      'PostgreSQL',
    ),
    version: described(
      'Major version of the engine; used as the tag of the image.',
      z.string().min(1).max(32),
    ).optional(),
    storage: described('Volume of the database.', storageSpec('10Gi')).default({ size: '10Gi' }),
    resources: resources.optional(),
  }),
);

const foreignCluster = (kind: string) =>
  planned(
    described(
      `A ${kind}: an existing one, or one that the operator creates.`,
      z.object({
        name: text(253, `Name of an existing ${kind}. Without it, the operator creates one.`).optional(),
        instances: described('Number of instances of a created one.', z.int().min(1).max(9)).optional(),
        storage: described('Volume of a created one.', storageSpec('10Gi')).optional(),
      }),
    ),
  );

const choices = ['managed', 'external', 'cloudNativePG', 'mysqlOperator', 'mariadbOperator'] as const;

export const databaseSpec = described(
  'Database of the stack. Set exactly one field.',
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
        message: `set exactly one of ${choices.map((name) => `database.${name}`).join(', ')}`,
        check: (database) => choices.filter((name) => database[name] !== undefined).length === 1,
      },
    ],
  ),
);
