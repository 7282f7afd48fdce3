import { z } from 'zod';
import {
  described,
  objectName,
  planned,
  resources,
  secretKeyRef,
  secretRef,
  text,
  volumeSize,
  withRules,
} from './fields.ts';
import { OWN_DATABASE_VOLUMES, podTemplateOf } from './podTemplateSpec.ts';

export const storageSpec = (defaultSize: string) =>
  z.object({
    size: volumeSize(
      'Size of the volume. It can grow, if the storage class allows it, and never shrinks.',
    ).default(defaultSize),
    storageClassName: objectName(
      'Storage class; cannot be changed. Default: that of the cluster.',
    ).optional(),
  });

const MOVE =
  'To move the data, create another WhatsAppDeployment with the wanted storage and copy the data there';

/** Rules of a claim: Kubernetes refuses these changes of a PersistentVolumeClaim. `of` makes CEL for self and oldSelf. */
export const claimRules = (
  field: string,
  of: (self: string) => { readonly size: string; readonly storageClass: string },
  unless = 'false',
) => {
  const [now, before] = [of('self'), of('oldSelf')];
  return [
    {
      cel: `${unless} || !isQuantity(${now.size}) || !isQuantity(${before.size}) || quantity(${now.size}).compareTo(quantity(${before.size})) >= 0`,
      message: `${field}.size cannot shrink; set it back. ${MOVE}`,
    },
    {
      cel: `${unless} || ${now.storageClass} == ${before.storageClass}`,
      message: `${field}.storageClassName cannot change once the volume exists; set it back. ${MOVE}`,
    },
  ];
};

/** The major version of a managed database that names none. */
export const MANAGED_DATABASE_VERSION = '18';

const HOSTNAME = /^[A-Za-z0-9]([-A-Za-z0-9.:]*[A-Za-z0-9])?$/;
/** An IPv4 or IPv6 address, as far as it can be told from a host name. */
const ADDRESS = /^[0-9.]+$|:/;
const NAME_PREFIX = /^[a-z][a-z0-9_]*$/;

const tlsMode = z.enum(['Disable', 'VerifyCA']);

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
              'VerifyCA verifies the server against caSecretRef. VerifyFull promises that the name in its certificate is verified too, against host: the stack of this project does it, and stack OnPremises has no setting for it. Disable turns TLS off.',
              z.enum([...tlsMode.options, 'VerifyFull']),
            ).default('VerifyCA'),
            caSecretRef: secretKeyRef('ca.crt', 'CA that signed the server certificate.').optional(),
            clientCertificateSecretRef: secretRef(
              'Secret of type kubernetes.io/tls with the certificate that the stack presents to the server.',
            ).optional(),
          }),
          [
            {
              cel: "self.mode == 'Disable' || has(self.caSecretRef)",
              message:
                'tls.mode VerifyCA and VerifyFull need tls.caSecretRef, the CA that signed the server certificate; set it, or set tls.mode to Disable',
              check: ({ mode, caSecretRef }) => mode === 'Disable' || caSecretRef !== undefined,
            },
          ],
        ),
      ).optional(),
    }),
    [
      {
        cel: 'has(self.tls)',
        message:
          'say whether the connection is encrypted: set tls.caSecretRef to the CA of the server, or tls.mode to Disable, which sends the password and all messages in the clear',
        onCreate: true,
      },
      {
        cel: `self.engine != 'MySQL' || !has(self.tls) || self.tls.mode != 'VerifyFull' || !self.host.matches('${ADDRESS.source}')`,
        message:
          'tls.mode VerifyFull needs a host name with engine MySQL, because its driver verifies names but no addresses; set host to a name that the certificate of the server has',
        check: ({ engine, host, tls }) =>
          engine !== 'MySQL' || tls?.mode !== 'VerifyFull' || !ADDRESS.test(host),
      },
    ],
  ),
);

const majorOf = (self: string): string =>
  `(has(${self}.version) ? ${self}.version.split('.')[0].split('-')[0] : '${MANAGED_DATABASE_VERSION}')`;

const managedDatabase = described(
  'A single PostgreSQL server that the operator runs: for development and low traffic.',
  withRules(
    z.object({
      engine: planned(described('Engine of the server.', z.enum(['PostgreSQL', 'MySQL'])), ['MySQL']).default(
        'PostgreSQL',
      ),
      version: described(
        'Major version of the engine; used as the tag of the image. The major version cannot be changed.',
        z
          .string()
          .min(1)
          .max(32)
          .regex(/^[A-Za-z0-9_][-.A-Za-z0-9_]*$/),
      ).optional(),
      storage: described(
        'Volume of the database.',
        withRules(
          storageSpec('10Gi'),
          claimRules('database.managed.storage', (self) => ({
            size: `string(${self}.size)`,
            storageClass: `(has(${self}.storageClassName) ? ${self}.storageClassName : '')`,
          })),
        ),
      ).default({ size: '10Gi' }),
      tls: described(
        'TLS between the stack and the server. Without it, a new stack has TLS, and one that an earlier version of the operator made takes it at its next restarts.',
        z.object({
          mode: described(
            'VerifyCA verifies the server against a CA that the operator generates; Disable turns TLS off.',
            tlsMode,
          ).default('VerifyCA'),
        }),
      ).optional(),
      resources: resources.optional(),
      podTemplate: described(
        'Changes to the pod of the database.',
        podTemplateOf(OWN_DATABASE_VOLUMES),
      ).optional(),
    }),
    [
      {
        cel: `${majorOf('self')} == ${majorOf('oldSelf')}`,
        message:
          'the major version of database.managed cannot change: a server does not read the files of another one. Dump the database, create a stack with the new version under another name and restore the dump there, or move to database.external',
      },
    ],
  ),
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
