import { cloudSpec } from './cloudSpec.ts';

/** One resource for each rule and bound that a user is likely to break, and a part of the error message. */
export interface BadResource {
  readonly name: string;
  readonly spec: Record<string, unknown>;
  readonly says: string;
  /** The rule is also checked in TypeScript, with the same result. */
  readonly rule?: boolean;
}

const number = { phoneNumber: '+16315551000' };
const external = { host: 'db.example.org', credentialsSecretRef: { name: 'db' } };
const withPods = (podTemplate: unknown) => ({ ...number, nodes: { coreapp: { podTemplate } } });
const cloudStack = (cloud: object, spec: object = {}) => ({
  ...number,
  stack: 'Cloud',
  cloud: cloudSpec(cloud),
  ...spec,
});
const withSettings = (settings: unknown) => ({ ...number, settings });

export const badResources: BadResource[] = [
  {
    name: 'Cloud without cloud',
    spec: { ...number, stack: 'Cloud' },
    says: 'stack Cloud needs cloud, and no other stack has it; set cloud.phoneNumberId, cloud.businessAccountId',
    rule: true,
  },
  {
    name: 'cloud for another stack',
    spec: { ...number, cloud: cloudSpec() },
    says: 'stack Cloud needs cloud, and no other stack has it; set cloud.phoneNumberId, cloud.businessAccountId',
    rule: true,
  },
  {
    name: 'Cloud with two shards',
    spec: cloudStack({}, { multiconnect: { shards: 2 } }),
    says: 'stack Cloud has one shard: a number of the Cloud API cannot be divided',
    rule: true,
  },
  {
    name: 'Cloud with a capacity',
    spec: cloudStack({}, { capacity: { messagesPerSecond: 80 } }),
    says: 'capacity chooses the number of shards, and stack Cloud has one',
    rule: true,
  },
  {
    name: 'a status that only the Cloud API has',
    spec: withSettings({ webhooks: { message: { sending: true } } }),
    says: 'settings.webhooks.message.sending is for stack: Cloud; remove it',
    rule: true,
  },
  {
    name: 'Cloud with a simulated network',
    spec: cloudStack({}, { emulator: { network: { url: 'tcp://net:5222' } } }),
    says: 'stack Cloud has the Cloud API behind it, and no simulated network',
    rule: true,
  },
  {
    name: 'two ways to the webhook',
    spec: cloudStack({
      webhook: { url: 'https://a.example/webhook', ingress: { hostnames: ['a.example'] } },
    }),
    says: 'set exactly one of cloud.webhook.url, cloud.webhook.httpRoute, cloud.webhook.ingress',
    rule: true,
  },
  {
    name: 'a webhook with a wildcard',
    spec: cloudStack({ webhook: { ingress: { hostnames: ['*.example.com'] } } }),
    says: 'the first of cloud.webhook hostnames is subscribed, so it must not be a wildcard',
    rule: true,
  },
  {
    name: 'a webhook URL with another path',
    spec: cloudStack({ webhook: { url: 'https://hooks.example.com/' } }),
    says: 'cloud.webhook.url must be an https:// URL whose path ends with /webhook',
    rule: true,
  },
  {
    name: 'a phone number instead of its id',
    spec: cloudStack({ phoneNumberId: '+16315551000' }),
    says: 'spec.cloud.phoneNumberId',
  },
  {
    name: 'a Graph version without v',
    spec: cloudStack({ graphVersion: '26.0' }),
    says: 'spec.cloud.graphVersion',
  },
  {
    name: 'a volume named like one of the gateway',
    spec: cloudStack({ gateway: { podTemplate: { volumes: [{ name: 'secrets', emptyDir: {} }] } } }),
    says: 'volumes data, secrets are those of the operator; give the volume another name',
    rule: true,
  },
  { name: 'a missing number', spec: {}, says: 'spec.phoneNumber: Required value' },
  { name: 'a number without +', spec: { phoneNumber: '16315551000' }, says: 'spec.phoneNumber' },
  {
    name: 'a number that is too long',
    spec: { phoneNumber: '+1631555100012345678' },
    says: 'spec.phoneNumber',
  },
  {
    name: 'an unknown stack',
    spec: { ...number, stack: 'Moon' },
    says: 'supported values: "Emulator", "Cloud", "OnPremises"',
  },
  {
    name: 'an unknown topology',
    spec: { ...number, topology: 'Triple' },
    says: 'supported values: "HighAvailability", "Single"',
  },
  {
    name: 'a backup without a place',
    spec: { ...number, backup: { destination: {}, encryptionSecretRef: { name: 'key' } } },
    says: 'set exactly one of destination.claim, destination.s3',
    rule: true,
  },
  { name: 'a version without v', spec: { ...number, version: '2.57.1' }, says: 'spec.version' },
  {
    name: 'OnPremises without version and images',
    spec: { ...number, stack: 'OnPremises', registration: { certificateSecretRef: { name: 'cert' } } },
    says: 'stack OnPremises needs version, images.webapp and images.coreapp',
    rule: true,
  },
  {
    name: 'OnPremises without a certificate',
    spec: {
      ...number,
      stack: 'OnPremises',
      version: 'v2.57.1',
      images: { webapp: 'web@sha256:1', coreapp: 'core@sha256:1' },
    },
    says: 'stack OnPremises needs registration.certificateSecretRef',
    rule: true,
  },
  {
    name: 'images of another version',
    spec: {
      ...number,
      stack: 'OnPremises',
      version: 'v2.59.1',
      images: { webapp: 'web:v2.59.1', coreapp: 'core:v2.57.1' },
      registration: { certificateSecretRef: { name: 'cert' } },
    },
    says: 'images.webapp and images.coreapp must have the tag of version, or a digest; change them together',
    rule: true,
  },
  {
    name: 'emulator options for OnPremises',
    spec: {
      ...number,
      stack: 'OnPremises',
      version: 'v2.57.1',
      images: { webapp: 'web:v2.57.1', coreapp: 'core:v2.57.1' },
      registration: { certificateSecretRef: { name: 'cert' } },
      emulator: {},
    },
    says: 'emulator does not apply to stack OnPremises; remove it, or set stack to Emulator',
    rule: true,
  },
  {
    name: 'three shards',
    spec: { ...number, multiconnect: { shards: 3 } },
    says: 'multiconnect.shards must be 1, 2, 4, 8, 16 or 32',
    rule: true,
  },
  { name: 'no shard', spec: { ...number, multiconnect: { shards: 0 } }, says: 'greater than or equal to 1' },
  {
    name: 'too many standbys',
    spec: { ...number, multiconnect: { standbys: 33 } },
    says: 'less than or equal to 32',
  },
  {
    name: 'multiconnect and capacity',
    spec: { ...number, multiconnect: {}, capacity: { messagesPerSecond: 10 } },
    says: 'set either multiconnect or capacity, not both',
    rule: true,
  },
  {
    name: 'more capacity than the vendor offers',
    spec: { ...number, capacity: { messagesPerSecond: 251 } },
    says: 'less than or equal to 250',
  },
  {
    name: 'Single with shards',
    spec: { ...number, topology: 'Single', multiconnect: { shards: 2 } },
    says: 'topology Single runs one Coreapp; remove multiconnect, or set topology to HighAvailability',
    rule: true,
  },
  {
    name: 'Single with two Webapps',
    spec: { ...number, topology: 'Single', nodes: { webapp: { replicas: 2 } } },
    says: 'topology Single runs one Webapp; remove nodes.webapp.replicas, or set topology to HighAvailability',
    rule: true,
  },
  {
    name: 'Single with Masters',
    spec: { ...number, topology: 'Single', nodes: { master: { replicas: 1 } } },
    says: 'topology Single has no Masters; remove nodes.master.replicas, or set topology to HighAvailability',
    rule: true,
  },
  {
    name: 'replicas and autoscaling',
    spec: { ...number, nodes: { webapp: { replicas: 2, autoscaling: { maxReplicas: 3 } } } },
    says: 'set either nodes.webapp.replicas or nodes.webapp.autoscaling, not both',
    rule: true,
  },
  {
    name: 'Single with autoscaling',
    spec: { ...number, topology: 'Single', nodes: { webapp: { autoscaling: { maxReplicas: 3 } } } },
    says: 'topology Single runs one Webapp; remove nodes.webapp.autoscaling, or set topology to HighAvailability',
    rule: true,
  },
  {
    name: 'autoscaling of Webapps that request no CPU',
    spec: {
      ...number,
      nodes: { webapp: { autoscaling: { maxReplicas: 3 }, resources: { limits: { memory: '1Gi' } } } },
    },
    says: 'autoscaling measures CPU in percent of the request; set nodes.webapp.resources.requests.cpu, or remove nodes.webapp.resources',
    rule: true,
  },
  {
    name: 'a minimum above the maximum of autoscaling',
    spec: { ...number, nodes: { webapp: { autoscaling: { minReplicas: 4, maxReplicas: 3 } } } },
    says: 'autoscaling.minReplicas must not be greater than autoscaling.maxReplicas',
    rule: true,
  },
  {
    name: 'too many Masters',
    spec: { ...number, nodes: { master: { replicas: 9 } } },
    says: 'less than or equal to 8',
  },
  {
    name: 'a variable of the operator',
    spec: {
      ...number,
      nodes: { coreapp: { podTemplate: { env: [{ name: 'WA_DB_ENGINE', value: 'MYSQL' }] } } },
    },
    says: 'WA_*, WACORE_*, COREAPP_*, WABA_* variables are set by the operator; use the fields of spec instead',
    rule: true,
  },
  {
    name: 'two databases',
    spec: { ...number, database: { managed: {}, external } },
    says: 'set exactly one of database.managed, database.external, database.cloudNativePG',
    rule: true,
  },
  {
    name: 'no database',
    spec: { ...number, database: {} },
    says: 'set exactly one of database.managed, database.external, database.cloudNativePG',
    rule: true,
  },
  {
    name: 'instances of a Cluster that exists',
    spec: { ...number, database: { cloudNativePG: { name: 'postgres', instances: 3 } } },
    says: 'database.cloudNativePG.name refers to an existing Cluster, which has its own instances',
    rule: true,
  },
  {
    name: 'the version of an InnoDBCluster that exists',
    spec: { ...number, database: { mysqlOperator: { name: 'mysql', version: '8.4.3' } } },
    says: 'database.mysqlOperator.name refers to an existing InnoDBCluster, which has its own instances',
    rule: true,
  },
  {
    name: 'a MariaDB that exists, without a login',
    spec: { ...number, database: { mariadbOperator: { name: 'mariadb' } } },
    says: 'database.mariadbOperator.name refers to an existing MariaDB, which has its own instances',
    rule: true,
  },
  {
    name: 'a Galera cluster of two halves',
    spec: { ...number, database: { mariadbOperator: { mode: 'Galera', instances: 4 } } },
    says: 'database.mariadbOperator.instances must be odd with mode Galera',
    rule: true,
  },
  {
    name: 'a managed MariaDB of no series',
    spec: { ...number, database: { managed: { engine: 'MariaDB', version: 'lts' } } },
    says: 'database.managed.version of MySQL and MariaDB must name the series, such as 8.4 or 11.4.8',
    rule: true,
  },
  {
    name: 'an external database without credentials',
    spec: { ...number, database: { external: { host: 'db' } } },
    says: 'spec.database.external.credentialsSecretRef: Required value',
  },
  {
    name: 'database TLS without a CA',
    spec: { ...number, database: { external: { ...external, tls: {} } } },
    says: 'tls.mode VerifyCA and VerifyFull need tls.caSecretRef, the CA that signed the server certificate; set it, or set',
    rule: true,
  },
  {
    name: 'the name of a MySQL server that is an address',
    spec: {
      ...number,
      database: {
        external: {
          ...external,
          engine: 'MySQL',
          host: '10.0.0.7',
          tls: { mode: 'VerifyFull', caSecretRef: { name: 'ca' } },
        },
      },
    },
    says: 'tls.mode VerifyFull needs a host name with engine MySQL',
    rule: true,
  },
  {
    name: 'VerifyFull for the client of the vendor',
    spec: {
      ...number,
      stack: 'OnPremises',
      version: 'v2.57.1',
      images: { webapp: 'web@sha256:1', coreapp: 'core@sha256:1' },
      registration: { certificateSecretRef: { name: 'cert' } },
      database: {
        external: { ...external, tls: { mode: 'VerifyFull', caSecretRef: { name: 'ca' } } },
      },
    },
    says: 'stack OnPremises has no setting that verifies the name of the database server; set database.external.tls.mode to VerifyCA',
    rule: true,
  },
  {
    name: 'a database port out of range',
    spec: { ...number, database: { external: { ...external, port: 70_000 } } },
    says: 'less than or equal to 65535',
  },
  {
    name: 'a database prefix with a dash',
    spec: { ...number, database: { external: { ...external, name: 'my-shop' } } },
    says: 'spec.database.external.name',
  },
  {
    name: 'a new media claim and an existing one',
    spec: { ...number, media: { storage: {}, claimName: 'media' } },
    says: 'set either media.storage or media.claimName, not both',
    rule: true,
  },
  {
    name: 'a plain HTTP webhook',
    spec: { ...number, webhook: { url: 'http://hooks.example.org' } },
    says: 'webhook.url must begin with https://',
    rule: true,
  },
  {
    name: 'an odd concurrency',
    spec: withSettings({ webhooks: { maxConcurrentRequests: 7 } }),
    says: 'supported values: "6", "12", "18", "24"',
  },
  {
    name: 'an unknown media kind',
    spec: withSettings({ media: { autoDownload: ['gif'] } }),
    says: 'Unsupported value: "gif"',
  },
  {
    name: 'a negative back-off',
    spec: withSettings({ callbackBackoffDelayMs: -1 }),
    says: 'greater than or equal to 0',
  },
  {
    name: 'admin with another role',
    spec: { ...number, users: [{ name: 'admin', role: 'ROLE_USER', passwordSecretRef: { name: 'p' } }] },
    says: 'the user admin always has role ROLE_ADMIN',
    rule: true,
  },
  {
    name: 'a user with the role of admin',
    spec: { ...number, users: [{ name: 'agent', role: 'ROLE_ADMIN', passwordSecretRef: { name: 'p' } }] },
    says: 'only the user admin has role ROLE_ADMIN',
    rule: true,
  },
  {
    name: 'a user name that is too short',
    spec: { ...number, users: [{ name: 'abc', passwordSecretRef: { name: 'p' } }] },
    says: 'spec.users[0].name',
  },
  {
    name: 'tls without a choice',
    spec: { ...number, tls: {} },
    says: 'set exactly one of tls.secretRef, tls.issuerRef, tls.selfSigned',
    rule: true,
  },
  {
    name: 'two choices of exposure',
    spec: {
      ...number,
      exposure: { ingress: { hostnames: ['a'] }, httpRoute: { parents: [{ name: 'g' }] } },
    },
    says: 'set exactly one of exposure.httpRoute, exposure.tlsRoute, exposure.ingress',
    rule: true,
  },
  {
    name: 'an Ingress that writes the configuration of its controller',
    spec: {
      ...number,
      exposure: {
        ingress: { hostnames: ['a'], annotations: { 'nginx.ingress.kubernetes.io/server-snippet': 'x' } },
      },
    },
    says: 'an annotation of the Ingress must not end with -snippet',
    rule: true,
  },
  {
    name: 'a path outside of the API',
    spec: { ...number, exposure: { httpRoute: { parents: [{ name: 'g' }], paths: ['/metrics'] } } },
    says: 'spec.exposure.httpRoute.paths[0]',
  },
  {
    name: 'a long about text',
    spec: { ...number, profile: { about: 'x'.repeat(140) } },
    says: 'spec.profile.about: Too long',
  },
  {
    name: 'an unknown vertical',
    spec: { ...number, profile: { business: { vertical: 'Shoes' } } },
    says: 'spec.profile.business.vertical: Unsupported value',
  },
  {
    name: 'a third web site',
    spec: { ...number, profile: { business: { websites: ['a', 'b', 'c'] } } },
    says: 'must have at most 2 items',
  },
  {
    name: 'a network URL that is not a tcp URL',
    spec: { ...number, emulator: { network: { url: 'https://x' } } },
    says: 'spec.emulator.network.url',
  },
  {
    name: 'a registration attempt below one',
    spec: { ...number, registration: { attempt: 0 } },
    says: 'greater than or equal to 1',
  },
  {
    name: 'an unknown deletion policy',
    spec: { ...number, deletionPolicy: 'Forget' },
    says: 'supported values: "Retain", "Delete", "Snapshot"',
  },
  {
    name: 'a last backup without a destination',
    spec: { ...number, deletionPolicy: 'Snapshot' },
    says: 'deletionPolicy Snapshot makes a last backup; set backup.destination and backup.encryptionSecretRef',
    rule: true,
  },
  {
    name: 'Single with capacity',
    spec: { ...number, topology: 'Single', capacity: { messagesPerSecond: 10 } },
    says: 'topology Single runs one Coreapp with one shard, so capacity cannot size it; remove capacity',
    rule: true,
  },
  {
    name: 'the address of the Coreapps as a variable',
    spec: withPods({ env: [{ name: 'WACORE_HOSTNAME', value: 'elsewhere' }] }),
    says: 'WACORE_*, COREAPP_*',
    rule: true,
  },
  {
    name: 'a variable with a value and a source',
    spec: withPods({ env: [{ name: 'A', value: 'b', valueFrom: {} }] }),
    says: 'set either value or valueFrom of a variable, not both',
    rule: true,
  },
  { name: 'a variable with =', spec: withPods({ env: [{ name: 'A=B' }] }), says: 'env[0].name' },
  {
    name: 'a sidecar named like a container of the operator',
    spec: withPods({ sidecars: [{ name: 'webapp', image: 'a' }] }),
    says: 'containers webapp, master, coreapp, database, network, gateway, schema are those of the operator; give the',
    rule: true,
  },
  {
    name: 'a sidecar without an image',
    spec: withPods({ sidecars: [{ name: 'a' }] }),
    says: 'sidecars[0].image',
  },
  {
    name: 'a volume named like one of the operator',
    spec: withPods({ volumes: [{ name: 'media', emptyDir: {} }] }),
    says: 'volumes media, database-ca, database-client are those of the operator; give the volume another name',
    rule: true,
  },
  {
    name: 'a volume named like one of the database',
    spec: {
      ...number,
      database: { managed: { podTemplate: { volumes: [{ name: 'run', emptyDir: {} }] } } },
    },
    says: 'volumes data, run, tmp, database-tls are those of the operator; give the volume another name',
    rule: true,
  },
  {
    name: 'a volume named like the one of the network process',
    spec: {
      ...number,
      emulator: { network: { podTemplate: { volumes: [{ name: 'data', emptyDir: {} }] } } },
    },
    says: 'volumes data are those of the operator; give the volume another name',
    rule: true,
  },
  {
    name: 'a label of the operator',
    spec: withPods({ labels: { 'app.kubernetes.io/component': 'a' } }),
    says: 'labels of the operator and of Kubernetes cannot be changed; use another key',
    rule: true,
  },
  {
    name: 'a label of the domain of the operator',
    spec: withPods({ labels: { 'waba-operator.dev/slot': '7' } }),
    says: 'labels of the operator and of Kubernetes cannot be changed; use another key',
    rule: true,
  },
  {
    name: 'an annotation of the operator',
    spec: withPods({ annotations: { 'waba-operator.dev/secrets-hash': 'a' } }),
    says: 'annotations of the operator and of Kubernetes cannot be changed; use another key',
    rule: true,
  },
  {
    name: 'a label with spaces',
    spec: withPods({ labels: { 'a b': 'a' } }),
    says: 'the key of a label must be a name such as team or example.org/team, of letters, digits, -, _ and .',
    rule: true,
  },
  {
    name: 'an annotation without a name',
    spec: withPods({ annotations: { 'example.org/': 'a' } }),
    says: 'the key of an annotation must be a name such as team or example.org/team, of letters',
    rule: true,
  },
  {
    name: 'a node label with two slashes',
    spec: withPods({ nodeSelector: { 'a/b/c': 'a' } }),
    says: 'the key of a node label must be a name such as team or example.org/team, of letters',
    rule: true,
  },
  {
    name: 'a label value with spaces',
    spec: withPods({ labels: { a: 'b c' } }),
    says: 'podTemplate.labels.a',
  },
  {
    name: 'a unit that Kubernetes does not know',
    spec: { ...number, nodes: { webapp: { resources: { limits: { memory: '10GB' } } } } },
    says: 'a quantity must be a number of at least 0 with a unit of Kubernetes, such as 500m, 2 or 10Gi (not 10GB)',
    rule: true,
  },
  {
    name: 'a negative request',
    spec: { ...number, nodes: { webapp: { resources: { requests: { cpu: -1 } } } } },
    says: 'a quantity must be a number of at least 0',
    rule: true,
  },
  {
    name: 'a volume of 10GB',
    spec: { ...number, media: { storage: { size: '10GB' } } },
    says: 'a size must be more than 0, with a unit of Kubernetes, such as 10Gi or 500M (not 10GB)',
    rule: true,
  },
  {
    name: 'a volume of no size',
    spec: { ...number, database: { managed: { storage: { size: 0 } } } },
    says: 'a size must be more than 0, with a unit of Kubernetes, such as 10Gi or 500M (not 10GB)',
    rule: true,
  },
  ...(['cpu', 'memory'] as const).map((field) => ({
    name: `a request of ${field} above its limit`,
    spec: {
      ...number,
      nodes: { master: { resources: { requests: { [field]: '1500m' }, limits: { [field]: 1 } } } },
    },
    says: `requests.${field} must not be greater than limits.${field}`,
    rule: true,
  })),
  ...['https://', 'https://a b', 'https://a:65536', 'https://a/b c', 'https://-a', 'https:///a'].map(
    (url) => ({
      name: `the webhook "${url}"`,
      spec: { ...number, webhook: { url } },
      says: 'webhook.url must be https://host or https://host:port with an optional path, without spaces',
      rule: true,
    }),
  ),
  ...[
    '61 * * * *',
    '* * * *',
    '@daily',
    '* * * * * *',
    '* * 32 * *',
    '* * * 13 *',
    'every day',
    '*/0 * * * *',
  ].map((schedule) => ({
    name: `the schedule "${schedule}"`,
    spec: { ...number, messageRetention: { schedule } },
    says: 'a schedule must be a cron expression of five fields: minute, hour, day, month, weekday; write one',
    rule: true,
  })),
  ...['tempo:4318', 'grpc://tempo:4317', 'https://me:word@tempo'].map((endpoint) => ({
    name: `the collector "${endpoint}"`,
    spec: { ...number, emulator: { tracing: { endpoint } } },
    says: 'emulator.tracing.endpoint must be a URL without credentials',
    rule: true,
  })),
  ...['tcp://net', 'tcp://net:0', 'tcp://net:5222/', 'tcp://a b:1'].map((url) => ({
    name: `the network "${url}"`,
    spec: { ...number, emulator: { network: { url } } },
    says: 'emulator.network.url must be tcp://host:port, such as tcp://',
    rule: true,
  })),
  ...['https://media.shop.svc', 'media.shop.svc:8080', '*shop.example', 'a,b'].map((host) => ({
    name: `links to "${host}"`,
    spec: { ...number, emulator: { mediaHosts: [host] } },
    says: 'spec.emulator.mediaHosts[0]',
  })),
  {
    name: 'a storage class with a space',
    spec: { ...number, media: { storage: { storageClassName: 'a b' } } },
    says: 'storageClassName',
  },
  {
    name: 'an image with a space',
    spec: { ...number, images: { webapp: 'a b' } },
    says: 'spec.images.webapp',
  },
  {
    name: 'a key with a slash',
    spec: { ...number, twoStep: { pinSecretRef: { name: 'a', key: 'b/c' } } },
    says: 'pinSecretRef.key',
  },
];
