import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { handshakeProblem } from '../../base/pki/handshakeProblem.ts';
import { pemBlocks } from '../../base/pki/pemBlocks.ts';

/** More certificates are no chain, and each costs time. */
const LONGEST_CHAIN = 20;

/** The parts of an uploaded PEM file: key, certificate, one or more intermediates, in this order. */
export function splitPem(pem: string): { key: string; chain: string[] } {
  const [key = '', ...chain] = pemBlocks(pem).map((block) => `${block}\n`);
  return { key, chain };
}

/** The certificates of a file as one PEM, as a server sends them. */
export const chainOf = (pem: string): string => splitPem(pem).chain.join('');

/**
 * Why the Webapp can't use an uploaded file; undefined if it can. A client connects with it once, because a Webapp
 * reads the file only with its next start. Source: docs/onprem/api-admin.md §11.1.
 */
export async function certificateProblem(
  pem: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { key, chain } = splitPem(pem);
  if (chain.length > LONGEST_CHAIN) return `the file holds more than ${LONGEST_CHAIN} certificates`;
  try {
    const privateKey = createPrivateKey(key);
    const [server, ...authorities] = chain.map((block) => new X509Certificate(block));
    if (!server) return 'the file holds no certificate';
    if (authorities.length === 0) return 'the file holds no intermediate CA certificate';
    if (!server.checkPrivateKey(privateKey)) return 'the private key does not belong to the certificate';
  } catch {
    return 'expected a private key, the certificate and at least one intermediate CA certificate, as PEM';
  }
  if (pem.includes('\0')) return 'the file holds a NUL character';
  const problem = await handshakeProblem({ key, cert: chainOf(pem) }, clock, signal);
  return problem && `no client could connect with this certificate: ${problem}`;
}
