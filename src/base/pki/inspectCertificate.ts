import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { CodedError } from '../codedError.ts';
import { pemBlocks } from './pemBlocks.ts';

/** A server certificate with its chain, as it can be uploaded. */
export interface ServerCertificate {
  /** Key, certificate, intermediates, in this order: one PEM. */
  readonly file: string;
  /** The DNS names of the certificate. */
  readonly names: readonly string[];
  /** Epoch ms. */
  readonly notAfter: number;
  /** SHA-256 of the public key of the certificate (SPKI, DER), hexadecimal. */
  readonly keyHash: string;
  /** PEM of the last certificate of the chain, which clients trust. */
  readonly caPem: string;
}

const certificatesIn = (text: string): string[] =>
  pemBlocks(text).filter((block) => block.startsWith('-----BEGIN CERTIFICATE-----'));

/**
 * Checks a key and a chain for faults that would keep the Webapps from starting, and puts them into the order that the
 * stack requires. @throws CodedError `BadCertificate` with the fault
 */
export function serverCertificate(parts: {
  readonly key: string;
  readonly chain: string;
  /** CA certificates that are not in the chain. */
  readonly ca?: string | undefined;
}): ServerCertificate {
  const bad = (problem: string) => new CodedError('BadCertificate', problem);
  const unique = [...new Set([...certificatesIn(parts.chain), ...certificatesIn(parts.ca ?? '')])];
  const certificates = unique.map((block) =>
    parsed(() => new X509Certificate(block), bad('a certificate can not be read')),
  );
  const key = parsed(() => createPrivateKey(parts.key), bad('the private key can not be read'));
  const [leaf, ...above] = certificates;
  if (!leaf) throw bad('there is no certificate in it');
  if (!leaf.checkPrivateKey(key)) throw bad('the private key is not that of the first certificate');
  if (above.length === 0)
    throw bad('the chain has no intermediate; the stack refuses that: add the CA to tls.crt, or as ca.crt');
  certificates.slice(0, -1).forEach((certificate, index) => {
    const issuer = certificates[index + 1];
    if (issuer && !certificate.verify(issuer.publicKey))
      throw bad(`the chain is not in order: ${certificate.subject} is not signed by ${issuer.subject}`);
  });
  const names = (leaf.subjectAltName ?? '')
    .split(', ')
    .flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4)] : []));
  return {
    file: [parts.key.trim(), ...unique].join('\n').concat('\n'),
    names,
    notAfter: Date.parse(leaf.validTo),
    keyHash: createHash('sha256')
      .update(leaf.publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
    caPem: `${unique.at(-1)}\n`,
  };
}

function parsed<T>(parse: () => T, error: Error): T {
  try {
    return parse();
  } catch {
    throw error;
  }
}
