import { randomInt } from 'node:crypto';
import { createAuthority, issueCertificate } from '../../base/pki/certificates.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { codeHash, encodeCertificate } from '../../onprem/emulatorCertificate.ts';
import { DEFAULT_ADMIN } from '../../onprem/users.ts';
import { clusterName } from '../plan/facts/databaseCluster.ts';
import {
  CLOUD_KEYS,
  CLUSTER_CERTIFICATE,
  CLUSTER_USER,
  DATABASE_CERTIFICATE,
  databaseUser,
  type GeneratedPart,
  type GeneratedValues,
  generatedPart,
  KEYS,
} from '../plan/facts/generatedSecrets.ts';
import { names, secretLabels } from '../plan/facts/names.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Letters and digits only: other characters can break a shell, a URL or the vendor's client. */
const randomText = (length: number): string =>
  Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

export const databasePassword = (): string => randomText(32);

/** Meets the API's password rules, with one character of each class. */
const randomPassword = (): string => `Aa1-${randomText(24)}`;

type Make<P extends GeneratedPart> = (
  stack: string,
  namespace: string,
  spec: WhatsAppDeployment['spec'],
) => GeneratedValues<P> | Promise<GeneratedValues<P>>;

/** A server takes a new certificate only when it restarts, so this one outlives the stack. */
const DATABASE_CERTIFICATE_DAYS = 3650;

interface ServerNames {
  /** Of the CA. */
  readonly subject: string;
  readonly commonName: string;
  readonly hosts: readonly string[];
}

/** The key of the CA is not kept: nothing else is ever signed with it. */
async function serverCertificate({ subject, commonName, hosts }: ServerNames) {
  const validDays = DATABASE_CERTIFICATE_DAYS;
  const authority = await createAuthority({ subject: `CN=${subject}, O=waba-operator`, validDays });
  const server = await issueCertificate(authority, {
    commonName: commonName.slice(0, 64),
    hosts,
    usage: 'server',
    validDays,
  });
  return { ca: authority.certificatePem, chain: server.certificatePem, key: server.privateKeyPem };
}

const databaseCertificate: Make<'databaseCertificate'> = async (stack, namespace) => {
  const { database } = names(stack);
  const { ca, chain, key } = await serverCertificate({
    subject: `${stack} database CA`,
    commonName: database,
    hosts: serviceHosts(database, namespace),
  });
  const keys = DATABASE_CERTIFICATE;
  return { [keys.ca]: ca, [keys.chain]: chain, [keys.key]: key };
};

const serviceHosts = (service: string, namespace: string): string[] => [
  `${service}.${namespace}.svc`,
  `${service}.${namespace}`,
  service,
];

/**
 * For the routers, which have the name of the cluster, and for its servers, whose names the routers and the servers verify
 * among each other: MySQL Operator calls them `NAME-0.NAME-instances.NAMESPACE.svc` with the domain of the Kubernetes cluster.
 */
const clusterCertificate: Make<'clusterCertificate'> = async (stack, namespace) => {
  const cluster = clusterName(stack);
  const instances = `*.${cluster}-instances.${namespace}.svc`;
  const { ca, chain, key } = await serverCertificate({
    subject: `${stack} database cluster CA`,
    commonName: cluster,
    hosts: [
      ...serviceHosts(cluster, namespace),
      ...[`${cluster}.${namespace}.svc`, instances].map((host) => `${host}.${CLUSTER_DOMAIN}`),
      instances,
    ],
  });
  const keys = CLUSTER_CERTIFICATE;
  return { [keys.ca]: ca, [keys.chain]: chain, [keys.key]: key };
};

/** That of nearly all Kubernetes clusters; no API tells it. */
const CLUSTER_DOMAIN = 'cluster.local';

const CONTENT: { readonly [P in GeneratedPart]: Make<P> } = {
  database: (_, __, { database }) => ({
    username: databaseUser(database.managed?.engine),
    password: databasePassword(),
  }),
  databaseCertificate,
  clusterLogin: () => ({ username: CLUSTER_USER, password: databasePassword() }),
  clusterRoot: () => ({ rootUser: CLUSTER_USER, rootHost: '%', rootPassword: databasePassword() }),
  clusterCertificate,
  admin: () => ({ username: DEFAULT_ADMIN.username, password: randomPassword() }),
  keys: () => ({
    [KEYS.jwt]: randomText(64),
    [KEYS.secret]: randomText(48),
    [KEYS.apiKey]: randomText(48),
  }),
  authority: async (stack) => {
    const subject = `CN=${stack} CA, O=waba-operator`;
    const { certificatePem, privateKeyPem } = await createAuthority({ subject });
    return { 'tls.crt': certificatePem, 'tls.key': privateKeyPem };
  },
  control: () => ({ token: randomText(48) }),
  cloud: (stack) => ({
    // The Cloud API asks for no certificate, so nothing checks the hash of its code.
    [CLOUD_KEYS.certificate]: encodeCertificate({ vname: stack, codeHash: codeHash(randomText(6)) }),
    [CLOUD_KEYS.verifyToken]: randomText(48),
    [CLOUD_KEYS.controlToken]: randomText(48),
  }),
  registration: (stack) => {
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    // The certificate names no number, so that a user can still correct a mistyped one.
    return { code, certificate: encodeCertificate({ vname: stack, codeHash: codeHash(code) }) };
  },
};

/** A generated Secret, by its name. Every call returns new random values. */
export async function generateSecret(
  resource: WhatsAppDeployment,
  secretName: string,
): Promise<KubeObject & { readonly stringData: Readonly<Record<string, string>> }> {
  const { name, namespace } = resource.metadata;
  const part = generatedPart(name, secretName);
  if (!part) throw new Error(`${secretName} is not a generated Secret of ${name}`);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretName, namespace, labels: secretLabels(resource, secretName) },
    type: 'Opaque',
    stringData: await CONTENT[part](name, namespace, resource.spec),
  };
}
