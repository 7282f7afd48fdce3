import { X509Certificate } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/**
 * Why a certificate is not valid for a host; undefined if it is. Use this in place of `tls.checkServerIdentity`, which takes
 * no certificate for any IPv6 address in Node.js 22.23.3.
 */
export function identityProblem(host: string, certificate: PeerCertificate): Error | undefined {
  if (!isIPv6(host)) return checkServerIdentity(host, certificate);
  if (new X509Certificate(certificate.raw).checkIP(host) !== undefined) return undefined;
  const names = certificate.subjectaltname ?? 'nothing';
  return Object.assign(new Error(`${host} is not in the certificate, which names ${names}`), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
}
