import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  /** `O=`; the groups of a Kubernetes user. */
  readonly organizations?: readonly string[];
  /** DNS names and IP addresses. */
  readonly hosts?: readonly string[];
  readonly usage: 'server' | 'client' | 'both';
  readonly validDays?: number;
}

export interface AuthorityRequest {
  /** X.500 name, e.g. `CN=local CA` or `C=US, O=Shop, CN=CA`. */
  readonly subject: string;
  readonly algorithm?: 'EC' | 'RSA';
  readonly validDays?: number;
}

const CERTIFICATE_DEFAULTS = {
  validDays: 365,
  authorityValidDays: 3650,
  /** Starts the validity in the past, so that machines with slower clocks accept a new certificate. */
  backdateMs: 5 * 60_000,
} as const;

const DAY_MS = 86_400_000;
const EC: EcKeyGenParams & { hash: string } = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA: RsaHashedKeyGenParams = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
};

type EcKeyGenParams = { name: string; namedCurve: string };
type RsaHashedKeyGenParams = {
  name: string;
  modulusLength: number;
  publicExponent: Uint8Array;
  hash: string;
};

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);

const generateKeys = (algorithm: typeof EC | typeof RSA) =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;

async function pem(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<KeyPair> {
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificatePem: `${certificate.toString('pem')}\n`,
    privateKeyPem: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n`,
  };
}

const validity = (validDays: number) => ({
  notBefore: new Date(Date.now() - CERTIFICATE_DEFAULTS.backdateMs),
  notAfter: new Date(Date.now() + validDays * DAY_MS),
});

const serialNumber = () => Buffer.from(webcrypto.getRandomValues(new Uint8Array(16))).toString('hex');

/** A self-signed certificate authority. */
export async function createAuthority(request: AuthorityRequest): Promise<KeyPair> {
  const algorithm = request.algorithm === 'RSA' ? RSA : EC;
  const keys = await generateKeys(algorithm);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: request.subject,
    ...validity(request.validDays ?? CERTIFICATE_DEFAULTS.authorityValidDays),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pem(certificate, keys);
}

/** A certificate signed by `authority`. */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const signingAlgorithm = issuer.publicKey.algorithm.name === 'ECDSA' ? EC : RSA;
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(authority.privateKeyPem),
    signingAlgorithm,
    false,
    ['sign'],
  );
  const keys = await generateKeys(signingAlgorithm);
  const usages = [
    ...(request.usage === 'client' ? [] : [x509.ExtendedKeyUsage.serverAuth]),
    ...(request.usage === 'server' ? [] : [x509.ExtendedKeyUsage.clientAuth]),
  ];
  const names = (request.hosts ?? []).map((value) => ({
    type: isAddress(value) ? ('ip' as const) : ('dns' as const),
    value,
  }));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: new x509.Name([
      ...(request.organizations ?? []).map((organization) => ({ O: [organization] })),
      { CN: [request.commonName] },
    ]).toString(),
    issuer: issuer.subject,
    ...validity(request.validDays ?? CERTIFICATE_DEFAULTS.validDays),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
        true,
      ),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return pem(certificate, keys);
}

const isAddress = (host: string): boolean => /^[0-9.]+$/.test(host) || host.includes(':');

/** Whether the first certificate of `pemText` is valid for at least `marginMs` more. */
export function isCurrent(pemText: string, marginMs: number): boolean {
  return new x509.X509Certificate(pemText).notAfter.getTime() - Date.now() > marginMs;
}
