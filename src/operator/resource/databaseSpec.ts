import * as z from 'zod';
import { cloudNativePGSpec, mariadbOperatorSpec, mysqlOperatorSpec } from './databaseClusterSpec.ts';
import { CLUSTER_FIELDS } from './databaseClusters.ts';
import { described, resources, secretKeyRef, secretRef, withRules } from './fields.ts';
import { MANAGED_ENGINES, managedEngines, seriesOf } from './managedEngines.ts';
import { OWN_DATABASE_VOLUMES, podTemplateOf } from './podTemplateSpec.ts';
import { storageSpec } from './storageSpec.ts';
import { storageClassRule } from './volumeRules.ts';

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

/** A rule for each engine: of a version, what its server's files depend on must not change. */
const seriesIsKept = MANAGED_ENGINES.map((engine) => {
  const { version, series } = managedEngines[engine];
  const seriesIn = (self: string) =>
    `(has(${self}.version) ? ${self}.version : '${version}').find('${series}')`;
  const what =
    engine === 'PostgreSQL'
      ? 'the major version of database.managed cannot change: a server does not read the files of another one'
      : `the series of database.managed.version cannot change for ${engine} (${version} is one): a server changes the files of an older series for good, and does not read those of a newer one`;
  return {
    cel: `self.engine != '${engine}' || oldSelf.engine != '${engine}' || ${seriesIn('self')} == ${seriesIn('oldSelf')}`,
    message: `${what}. Dump the database, create a WhatsAppDeployment with the new version under another name and restore the dump there, or move to database.external`,
  };
});

const managedDatabase = described(
  'A single PostgreSQL, MySQL or MariaDB server that the operator runs: for development and low traffic.',
  withRules(
    z.object({
      engine: described('Engine of the server. It cannot be changed.', z.enum(MANAGED_ENGINES)).default(
        'PostgreSQL',
      ),
      version: described(
        `Version of the engine; used as the tag of the image. Default: ${MANAGED_ENGINES.map((engine) => `${managedEngines[engine].version} for ${engine}`).join(', ')}. Of PostgreSQL the major version cannot be changed, of MySQL and MariaDB the series, such as 8.4 or 11.4.`,
        z
          .string()
          .min(1)
          .max(32)
          .regex(/^[A-Za-z0-9_][-.A-Za-z0-9_]*$/),
      ).optional(),
      storage: described(
        'Volume of the database.',
        withRules(storageSpec('10Gi'), [
          storageClassRule(
            'database.managed.storage',
            (self) => `(has(${self}.storageClassName) ? ${self}.storageClassName : '')`,
          ),
        ]),
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
      passwordRotation: described(
        'Asks for another password, without an outage: each new value once, such as the date. The value that a stack begins with asks for nothing, because its password is new.',
        z
          .string()
          .min(1)
          .max(64)
          .regex(/^[A-Za-z0-9]([-A-Za-z0-9_.:]*[A-Za-z0-9])?$/),
      ).optional(),
      resources: resources.optional(),
      podTemplate: described(
        'Changes to the pod of the database.',
        podTemplateOf(OWN_DATABASE_VOLUMES),
      ).optional(),
    }),
    [
      {
        cel: 'self.engine == oldSelf.engine',
        message:
          'database.managed.engine cannot change, because a server does not read the files of another one; set it back. To change the engine, create a WhatsAppDeployment with the wanted engine under another name, and move the registration and the settings there: POST /v1/settings/backup on the old stack, POST /v1/settings/restore on the new one',
      },
      ...seriesIsKept,
      {
        cel: `!has(self.version) || self.engine == 'PostgreSQL' || self.version.find('${managedEngines.MySQL.series}') != ''`,
        message:
          'database.managed.version of MySQL and MariaDB must name the series, such as 8.4 or 11.4.8: tags such as 8, 11 and lts move on to the next series, whose server would change the files for good',
        check: ({ engine, version }) => version === undefined || seriesOf(engine, version) !== '',
      },
    ],
  ),
);

const choices = ['managed', 'external', ...CLUSTER_FIELDS] as const;

export const databaseSpec = described(
  'Database of the stack. Set exactly one field.',
  withRules(
    z.object({
      managed: managedDatabase.optional(),
      external: externalDatabase.optional(),
      cloudNativePG: cloudNativePGSpec.optional(),
      mysqlOperator: mysqlOperatorSpec.optional(),
      mariadbOperator: mariadbOperatorSpec.optional(),
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
