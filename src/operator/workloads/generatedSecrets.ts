import { randomInt } from 'node:crypto';
import { createAuthority } from '../../base/pki/certificates.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { codeHash, encodeCertificate } from '../../onprem/emulatorCertificate.ts';
import { DEFAULT_ADMIN } from '../../onprem/users.ts';
import { names, stackLabels } from '../plan/facts/names.ts';
import { KEYS } from '../plan/render/stackEnvironment.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Letters and digits only: other characters can break a shell, a URL or the vendor's client. */
const randomText = (length: number): string =>
  Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

/** Meets the API's password rules, with one character of each class. */
const randomPassword = (): string => `Aa1-${randomText(24)}`;

/** A generated Secret, by its name. Every call returns new random values. */
export async function generateSecret(resource: WhatsAppDeployment, secretName: string): Promise<KubeObject> {
  const { name, namespace } = resource.metadata;
  const of = names(name);
  const content: Record<string, () => Record<string, string> | Promise<Record<string, string>>> = {
    [of.databaseSecret]: () => ({ username: 'waba', password: randomText(32) }),
    [of.adminSecret]: () => ({ username: DEFAULT_ADMIN.username, password: randomPassword() }),
    [of.keysSecret]: () => ({
      [KEYS.jwt]: randomText(64),
      [KEYS.secret]: randomText(48),
      [KEYS.apiKey]: randomText(48),
    }),
    [of.authoritySecret]: async () => {
      const { certificatePem, privateKeyPem } = await createAuthority({
        subject: `CN=${name} CA, O=waba-operator`,
      });
      return { 'tls.crt': certificatePem, 'tls.key': privateKeyPem };
    },
    [of.registrationSecret]: () => {
      const code = String(randomInt(1_000_000)).padStart(6, '0');
      // The certificate names no number, so that a user can still correct a mistyped one.
      return { code, certificate: encodeCertificate({ vname: name, codeHash: codeHash(code) }) };
    },
  };
  const make = content[secretName];
  if (!make) throw new Error(`${secretName} is not a generated Secret of ${name}`);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretName, namespace, labels: stackLabels(name, 'secrets') },
    type: 'Opaque',
    stringData: await make(),
  };
}
