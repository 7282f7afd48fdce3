import { createPrivateKey, X509Certificate } from 'node:crypto';

const BLOCK = /-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----\n?/g;

/** The parts of an uploaded PEM file: key, certificate, one or more intermediates, in this order. */
export function splitPem(pem: string): { key: string; chain: string[] } {
  const [key = '', ...chain] = pem.match(BLOCK) ?? [];
  return { key, chain };
}

/** Why the Webapp can't use an uploaded file; undefined if it can. Source: docs/onprem/api-admin.md §11.1. */
export function certificateProblem(pem: string): string | undefined {
  const { key, chain } = splitPem(pem);
  try {
    const privateKey = createPrivateKey(key);
    const [server, ...authorities] = chain.map((block) => new X509Certificate(block));
    if (!server) return 'the file holds no certificate';
    if (authorities.length === 0) return 'the file holds no intermediate CA certificate';
    if (!server.checkPrivateKey(privateKey)) return 'the private key does not belong to the certificate';
    return undefined;
  } catch {
    return 'expected a private key, the certificate and at least one intermediate CA certificate, as PEM';
  }
}
