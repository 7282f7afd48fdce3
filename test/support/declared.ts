import { createAuthority, issueCertificate } from '../../src/base/pki/certificates.ts';
import type { ReferencedSecret } from '../../src/operator/plan/facts/observed.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import { API_KEY, CODE, certificateFor } from './emulatorStack.ts';
import { whatsAppDeployment } from './whatsAppDeployment.ts';

export type CertificateSecret = Readonly<Record<'tls.crt' | 'tls.key' | 'ca.crt', string>>;

/** The declarations that differ between stacks and changes. */
export interface Declared {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly about: string;
  readonly description: string;
  readonly entityName: string;
  /** Content that distinguishes photos. */
  readonly photo: string;
  /** Bearer token of the media provider; undefined declares none. */
  readonly providerToken: string | undefined;
  readonly adminPassword: string;
  readonly agentPassword: string | undefined;
  readonly pin: string | undefined;
  /** Certificate of the Webapps; its CA is also the CA of the webhook receiver. */
  readonly certificate: CertificateSecret;
  readonly shards: number;
}

export function declaredResource(
  declared: Declared,
  { number, isSingle, attempt }: { number: string; isSingle: boolean; attempt: number },
): WhatsAppDeployment {
  const { settings, about, description, entityName, agentPassword, providerToken, pin, shards } = declared;
  return whatsAppDeployment({
    spec: {
      phoneNumber: `+${number}`,
      stack: 'Emulator',
      topology: isSingle ? 'Single' : 'HighAvailability',
      ...(isSingle ? {} : { multiconnect: { shards, standbys: 1 } }),
      registration: {
        attempt,
        certificateSecretRef: { name: 'registration', key: 'certificate' },
        codeSecretRef: { name: 'registration', key: 'code' },
        ...(pin === undefined ? {} : { pinSecretRef: { name: 'pin', key: 'pin' } }),
      },
      settings,
      profile: {
        about,
        photoSecretRef: { name: 'photo', key: 'photo' },
        business: { description, address: 'Main Street 1' },
        compliance: { entityName, entityType: 'Sole proprietorship' },
      },
      ...(providerToken === undefined
        ? {}
        : {
            media: {
              providers: [{ name: 'store', type: 'www', credentialsSecretRef: { name: 'store' } }],
            },
          }),
      ...(agentPassword === undefined
        ? {}
        : { users: [{ name: 'agent', passwordSecretRef: { name: 'agent', key: 'password' } }] }),
      ...(pin === undefined ? {} : { twoStep: { pinSecretRef: { name: 'pin', key: 'pin' } } }),
      webhook: { url: 'https://receiver.test/hook', caSecretRef: { name: 'tls', key: 'ca.crt' } },
      tls: { secretRef: { name: 'tls' } },
    },
  });
}

/** The Secrets that the resource refers to. */
export function declaredSecrets(declared: Declared, number: string): Map<string, ReferencedSecret> {
  const { agentPassword, providerToken, pin, certificate } = declared;
  const data = (name: string, entries: Readonly<Record<string, string>>): [string, ReferencedSecret] => [
    name,
    { name, data: entries },
  ];
  return new Map([
    data('registration', { certificate: certificateFor(number), code: CODE }),
    data('tls', certificate),
    ['photo', { name: 'photo', data: {}, raw: { photo: photoOf(declared).toString('base64') } }],
    ...(providerToken === undefined ? [] : [data('store', { bearer: providerToken })]),
    ...(agentPassword === undefined ? [] : [data('agent', { password: agentPassword })]),
    ...(pin === undefined ? [] : [data('pin', { pin })]),
  ]);
}

/** Values that must not appear in any output. */
export const hiddenTexts = ({ adminPassword, agentPassword, providerToken, pin }: Declared): string[] =>
  [adminPassword, agentPassword, providerToken, pin, CODE, API_KEY, 'PRIVATE KEY'].flatMap(
    (text) => text ?? [],
  );

export const photoOf = ({ photo }: Declared): Buffer =>
  Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(photo)]);

/** A certificate of the Webapps, signed by a new authority with this name. */
export async function certificateSecret(name: string, validDays?: number): Promise<CertificateSecret> {
  const authority = await createAuthority({ subject: `CN=${name}` });
  const pair = await issueCertificate(authority, {
    commonName: 'shop.test',
    hosts: ['shop.test', 'shop-webapp.default.svc'],
    usage: 'server',
    ...(validDays === undefined ? {} : { validDays }),
  });
  return {
    'tls.crt': pair.certificatePem,
    'tls.key': pair.privateKeyPem,
    'ca.crt': authority.certificatePem,
  };
}
