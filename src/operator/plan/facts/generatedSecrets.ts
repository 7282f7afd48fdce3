import type { ManagedEngine } from '../../resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { generatedSecretNames, NETWORK, names, sharedSecretNames } from './names.ts';

/** Keys of the Secret with the keys of the Webapps, Masters and Coreapps. */
export const KEYS = { jwt: 'jwtKey', secret: 'secret', apiKey: 'apiKey' } as const;

/** Keys of the Secret with the certificate of the managed database. */
export const DATABASE_CERTIFICATE = { ca: 'ca.crt', chain: 'tls.crt', key: 'tls.key' } as const;

/**
 * Keys of what a stack with the Cloud API behind it needs besides the Secrets of the user: the certificate that `/v1/account`
 * asks for and the Cloud API does not, the token of a subscription that names none, and the one of the gateway's control port.
 */
export const CLOUD_KEYS = {
  certificate: 'certificate',
  verifyToken: 'verifyToken',
  controlToken: 'controlToken',
} as const;

/** The same of a created InnoDBCluster, as MySQL Operator calls them. */
export const CLUSTER_CERTIFICATE = { ca: 'ca.pem', chain: 'tls.crt', key: 'tls.key' } as const;

/** The account of the stack in a cluster that the operator creates. */
export const CLUSTER_USER = 'waba';

/**
 * The account of a managed database that the stack uses. It must be able to create databases (docs/onprem/deployment.md
 * §4.4). The image of PostgreSQL makes any account a superuser; those of MySQL and MariaDB give the right only to root,
 * which may log in from any host. The server is the stack's alone, so the account rules nothing else.
 */
export const databaseUser = (engine: ManagedEngine = 'PostgreSQL'): string =>
  engine === 'PostgreSQL' ? 'waba' : 'root';

/** The account that takes turns with `databaseUser` when the password is rotated. */
const SECOND_USER = 'waba_2';

/** The account that the stack does not use now. */
export const otherUser = (engine: ManagedEngine, current: string): string =>
  current === SECOND_USER ? databaseUser(engine) : SECOND_USER;

/** What the Secrets that the operator generates hold, by the part that each plays. */
export const GENERATED_KEYS = {
  database: ['username', 'password'],
  databaseCertificate: Object.values(DATABASE_CERTIFICATE),
  clusterLogin: ['username', 'password'],
  clusterRoot: ['rootUser', 'rootHost', 'rootPassword'],
  clusterCertificate: Object.values(CLUSTER_CERTIFICATE),
  admin: ['username', 'password'],
  keys: [KEYS.jwt, KEYS.secret, KEYS.apiKey],
  authority: ['tls.crt', 'tls.key'],
  registration: ['certificate', 'code'],
  cloud: Object.values(CLOUD_KEYS),
  control: ['token'],
} as const;
export type GeneratedPart = keyof typeof GENERATED_KEYS;
/** Values for all keys of a part. */
export type GeneratedValues<P extends GeneratedPart> = Record<(typeof GENERATED_KEYS)[P][number], string>;

const nameOf = (part: GeneratedPart, stack: string): string =>
  part === 'control' ? NETWORK.controlSecret : names(stack)[`${part}Secret`];

/** The part that a Secret plays; undefined if it is not generated. */
export const generatedPart = (stack: string, secretName: string): GeneratedPart | undefined =>
  (Object.keys(GENERATED_KEYS) as GeneratedPart[]).find((part) => nameOf(part, stack) === secretName);

/** The Secrets that a stack has, with the keys of each. */
export const generatedSecretsOf = (
  resource: WhatsAppDeployment,
): readonly { readonly name: string; readonly part: GeneratedPart; readonly keys: readonly string[] }[] =>
  [...generatedSecretNames(resource), ...sharedSecretNames(resource)].flatMap((name) => {
    const part = generatedPart(resource.metadata.name, name);
    return part ? [{ name, part, keys: GENERATED_KEYS[part] }] : [];
  });
