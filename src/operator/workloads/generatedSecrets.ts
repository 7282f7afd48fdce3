import { randomInt } from 'node:crypto';
import { createAuthority } from '../../base/pki/certificates.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { codeHash, encodeCertificate } from '../../onprem/emulatorCertificate.ts';
import { DEFAULT_ADMIN } from '../../onprem/users.ts';
import { names, stackLabels } from '../plan/facts/names.ts';
import { KEYS } from '../plan/render/stackEnvironment.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Letters and digits only: nothing that a shell, a URL or the vendor's client could stumble over. */
const randomText = (length: number): string =>
  Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

/** Meets the API's rules for passwords: one of each class, and enough that nobody guesses. */
const randomPassword = (): string => `Aa1-${randomText(24)}`;

/** The content of a Secret that the operator makes, by its name. Made once; random every time. */
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
      // It names no number: one that was mistyped may be corrected, and the certificate is made once.
      return { code, certificate: encodeCertificate({ vname: name, codeHash: codeHash(code) }) };
    },
  };
  const make = content[secretName];
  if (!make) throw new Error(`${secretName} is no Secret of ${name}`);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretName, namespace, labels: stackLabels(name, 'secrets') },
    type: 'Opaque',
    stringData: await make(),
  };
}
