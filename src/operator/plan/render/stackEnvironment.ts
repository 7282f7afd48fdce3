import { BUILD_DATE_WITH_CLOUD, NODE_PORTS, type StackVariable } from '../../../onprem/environment.ts';
import { gatewayUrl } from '../facts/cloud.ts';
import { DATABASE_CERTIFICATE, KEYS } from '../facts/generatedSecrets.ts';
import { isOurStack, NETWORK, names } from '../facts/names.ts';
import { databaseAddress, isCluster, webappHost } from '../facts/stackSettings.ts';
import type { NodeInputs, PodRelease } from './nodeInputs.ts';
import type { EnvVar } from './podTemplate.ts';
import { tracingVariables } from './tracingVariables.ts';

/** The inputs of the variables. */
type Facts = Pick<NodeInputs, 'metadata' | 'spec'>;
/** The inputs of what connects to the database. */
type DatabaseFacts = Pick<NodeInputs, 'metadata'> & { readonly spec: Pick<NodeInputs['spec'], 'database'> };

/** The variables of the vendor's containers, by role. Source: docs/onprem/deployment.md §2. */

const value = (name: StackVariable, text: string): EnvVar => ({ name, value: text });
const secret = (name: StackVariable, secretName: string, key: string): EnvVar => ({
  name,
  valueFrom: { secretKeyRef: { name: secretName, key } },
});

const DATABASE_CA_FOLDER = '/opt/certs';
const DATABASE_CA_FILE = 'db-ca.pem';
const DATABASE_CLIENT_FOLDER = '/opt/certs-client';

/** What verifies the database: the CA of an external one, or that of a managed one with TLS. */
const databaseCa = (resource: DatabaseFacts, { databaseTls }: PodRelease) =>
  databaseTls
    ? { name: names(resource.metadata.name).databaseCertificateSecret, key: DATABASE_CERTIFICATE.ca }
    : databaseAddress(resource).caSecret;

export function databaseVariables(resource: DatabaseFacts, release: PodRelease): EnvVar[] {
  const { engine, host, port, secretName, userKey, passwordKey, prefix, clientSecret, verifiesName } =
    databaseAddress(resource);
  const caSecret = databaseCa(resource, release);
  return [
    value('WA_DB_ENGINE', engine),
    value('WA_DB_HOSTNAME', host),
    value('WA_DB_PORT', String(port)),
    secret('WA_DB_USERNAME', secretName, userKey),
    secret('WA_DB_PASSWORD', secretName, passwordKey),
    ...(prefix ? [value('WA_DB_NAME_PREFIX', prefix)] : []),
    ...(caSecret ? [value('WA_DB_SSL_CA', `${DATABASE_CA_FOLDER}/${DATABASE_CA_FILE}`)] : []),
    // Of our stack only, and nothing for other modes: a variable more would restart every stack.
    ...(verifiesName ? [value('WABA_DB_SSL_MODE', 'verify-full')] : []),
    ...(clientSecret
      ? [
          value('WA_DB_SSL_CERT', `${DATABASE_CLIENT_FOLDER}/tls.crt`),
          value('WA_DB_SSL_KEY', `${DATABASE_CLIENT_FOLDER}/tls.key`),
        ]
      : []),
  ];
}

/** Mounts the CA of the database, and the certificate for an external one, at the paths that the variables name. */
export function databaseCertificates(
  resource: DatabaseFacts,
  release: PodRelease,
): {
  volumes: Record<string, unknown>[];
  volumeMounts: Record<string, unknown>[];
} {
  const { clientSecret } = databaseAddress(resource);
  const caSecret = databaseCa(resource, release);
  const mounted = [
    ...(caSecret
      ? [
          {
            name: 'database-ca',
            mountPath: DATABASE_CA_FOLDER,
            secret: { secretName: caSecret.name, items: [{ key: caSecret.key, path: DATABASE_CA_FILE }] },
          },
        ]
      : []),
    ...(clientSecret
      ? [
          {
            name: 'database-client',
            mountPath: DATABASE_CLIENT_FOLDER,
            // The group of the pod reads the key, and nobody else.
            secret: { secretName: clientSecret, defaultMode: 0o440 },
          },
        ]
      : []),
  ];
  return {
    volumes: mounted.map(({ name, secret }) => ({ name, secret })),
    volumeMounts: mounted.map(({ name, mountPath }) => ({ name, mountPath, readOnly: true })),
  };
}

const multiconnect = (resource: Facts): EnvVar =>
  value('WA_APP_MULTICONNECT', isCluster(resource) ? '1' : '0');

export function nodeVariables(resource: Facts, release: PodRelease, role: 'master' | 'coreapp'): EnvVar[] {
  const of = names(resource.metadata.name);
  return [
    ...databaseVariables(resource, release),
    value('WA_DB_CONNECTION_IDLE_TIMEOUT', '180000'),
    multiconnect(resource),
    ...(role === 'master' ? [value('WA_MASTER_NODE', '1')] : []),
    value('WA_CONFIG_ON_DB', '1'),
    value('WA_TCP_LISTEN_ADDRESS', 'any'),
    // The pod's address: nodes find each other through the database, not through DNS.
    { name: 'COREAPP_HOSTNAME', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    value('COREAPP_EXTERNAL_PORTS', Object.values(NODE_PORTS).join(',')),
    secret('WA_SECRET', of.keysSecret, KEYS.secret),
    ...emulatorVariables(resource),
    ...(role === 'coreapp' ? linkVariables(resource) : []),
  ];
}

export function webappVariables(resource: Facts, release: PodRelease): EnvVar[] {
  const of = names(resource.metadata.name);
  return [
    ...databaseVariables(resource, release),
    value('WA_DB_PERSISTENT', '1'),
    multiconnect(resource),
    value('WA_CONFIG_ON_DB', '1'),
    value('WACORE_HOSTNAME', `${of.coreappService}.${resource.metadata.namespace}.svc`),
    value('WA_WEB_SERVERNAME', webappHost(resource)),
    secret('WA_WEB_JWT_CRYPTO_KEY', of.keysSecret, KEYS.jwt),
    secret('WA_API_KEY', of.keysSecret, KEYS.apiKey),
    secret('WA_SECRET', of.keysSecret, KEYS.secret),
    ...emulatorVariables(resource),
  ];
}

/** Where a stack of ours finds the network process, or its gateway, and the client version that it stands for. */
function emulatorVariables({ metadata, spec }: Facts): EnvVar[] {
  if (!isOurStack({ spec })) return [];
  const network =
    spec.stack === 'Cloud'
      ? gatewayUrl({ metadata })
      : (spec.emulator?.network?.url ?? `tcp://${NETWORK.name}.${metadata.namespace}.svc:${NETWORK.port}`);
  return [
    value('WABA_NETWORK_URL', network),
    ...versionVariable({ spec }),
    ...(spec.stack === 'Cloud' ? [value('WABA_BUILD_DATE', BUILD_DATE_WITH_CLOUD)] : []),
    ...tracingVariables(spec.emulator?.tracing, metadata),
  ];
}

/** Where links to media may lead. The vendor's stack has no such limit. */
const linkVariables = ({ spec }: Facts): EnvVar[] =>
  spec.emulator?.mediaHosts ? [value('WABA_MEDIA_HOSTS', spec.emulator.mediaHosts.join(','))] : [];

/** Nothing while the field is not set, so that an unset version restarts nothing. */
const versionVariable = ({ spec }: Pick<Facts, 'spec'>): EnvVar[] =>
  isOurStack({ spec }) && spec.version ? [value('WABA_CLIENT_VERSION', spec.version)] : [];

/** The vendor's client is not known to verify the name of the server, so its check must not ask for more. */
export const checkVariables = (resource: Facts, release: PodRelease): EnvVar[] => [
  ...databaseVariables(resource, release),
  ...(resource.spec.stack === 'OnPremises' && databaseCa(resource, release)
    ? [value('WABA_DB_SSL_MODE', 'verify-ca')]
    : []),
];

export const schemaVariables = (resource: Facts, release: PodRelease): EnvVar[] => [
  ...databaseVariables(resource, release),
  value('WA_DB_UPGRADE', '1'),
  ...versionVariable(resource),
];
