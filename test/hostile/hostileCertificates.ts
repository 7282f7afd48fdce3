import 'reflect-metadata';
import { createPrivateKey, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { createAuthority, issueCertificate } from '../../src/base/pki/certificates.ts';

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);

/** A key, its certificate and the CA of that, as an administrator uploads them. */
export async function soundFile(): Promise<string> {
  const authority = await createAuthority({ subject: 'CN=own CA' });
  const leaf = await issueCertificate(authority, {
    commonName: 'shop.test',
    hosts: ['shop.test'],
    usage: 'server',
  });
  return leaf.privateKeyPem + leaf.certificatePem + authority.certificatePem;
}

/** The same with a key of so few bits that OpenSSL serves no connection with it. */
export async function weakFile(modulusLength = 512): Promise<string> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=shop.test',
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 86_400_000),
    keys: keys as never,
    signingAlgorithm: algorithm,
  });
  const key = x509.PemConverter.encode(
    await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  );
  const pem = certificate.toString('pem');
  return `${key}\n${pem}\n${pem}\n`;
}

/** The file with its key behind a password. */
export function lockedFile(file: string): string {
  const key = createPrivateKey(file).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  });
  return file.replace(/-----BEGIN PRIVATE KEY-----[^-]*-----END PRIVATE KEY-----\n?/, key.toString());
}
