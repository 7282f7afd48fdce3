import { randomInt } from 'node:crypto';
import { createAuthority, issueCertificate } from '../../base/pki/certificates.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { codeHash, encodeCertificate } from '../../onprem/emulatorCertificate.ts';
import { DEFAULT_ADMIN } from '../../onprem/users.ts';
import {
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

/** The key of the CA is not kept: nothing else is ever signed with it. */
const databaseCertificate: Make<'databaseCertificate'> = async (stack, namespace) => {
  const { database } = names(stack);
  const validDays = DATABASE_CERTIFICATE_DAYS;
  const authority = await createAuthority({ subject: `CN=${stack} database CA, O=waba-operator`, validDays });
  const server = await issueCertificate(authority, {
    commonName: database.slice(0, 64),
    hosts: [`${database}.${namespace}.svc`, `${database}.${namespace}`, database],
    usage: 'server',
    validDays,
  });
  return {
    [DATABASE_CERTIFICATE.ca]: authority.certificatePem,
    [DATABASE_CERTIFICATE.chain]: server.certificatePem,
    [DATABASE_CERTIFICATE.key]: server.privateKeyPem,
  };
};

const CONTENT: { readonly [P in GeneratedPart]: Make<P> } = {
  database: (_, __, { database }) => ({
    username: databaseUser(database.managed?.engine),
    password: databasePassword(),
  }),
  databaseCertificate,
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
