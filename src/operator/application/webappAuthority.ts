import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { identityProblem } from '../../base/identityProblem.ts';
import { ApplicationError } from './applicationError.ts';

export interface WebappAddresses {
  /** Addresses of the ready pods: behind a Service that is not set up yet, any process may answer. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Host name that the certificate must be valid for. */
  readonly serverName: string;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Reads the authority (PEM) at the end of the certificate chain that every Webapp presents, before the operator sends
 * a secret to any of them.
 * @throws ApplicationError `WrongCertificate` when a chain is not valid for the name or two Webapps differ, `NoAnswer`
 */
export async function readAuthority(webapps: WebappAddresses, signal: AbortSignal): Promise<string> {
  const { addresses, port, serverName } = webapps;
  const authorities = await Promise.all(
    addresses.map(async (address) => {
      const certificate = await presentedCertificate({ host: address, port, serverName }, signal);
      const problem = certificate.raw
        ? identityProblem(serverName, certificate)?.message
        : 'it presents no certificate';
      if (problem !== undefined)
        throw wrongCertificate(`the certificate of the Webapp at ${address}:${port} is wrong: ${problem}`);
      return pem(last(certificate));
    }),
  );
  const [first] = authorities;
  if (first !== undefined && new Set(authorities).size === 1) return first;
  throw wrongCertificate(
    `the Webapps at ${addresses.join(', ')} present certificates of different authorities`,
  );
}

const wrongCertificate = (problem: string): ApplicationError =>
  new ApplicationError(
    'WrongCertificate',
    `${problem}; if this lasts, look for a proxy in front of the Webapps`,
    { retriable: true },
  );

/** The certificate that a server presents, without verifying its signature. */
function presentedCertificate(
  { host, port, serverName }: { readonly host: string; readonly port: number; readonly serverName: string },
  signal: AbortSignal,
): Promise<DetailedPeerCertificate> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    // TLS has no server name for an address.
    const servername = isIP(serverName) ? '' : serverName;
    const options = { host, port, servername, rejectUnauthorized: false, timeout: HANDSHAKE_TIMEOUT_MS };
    const socket: TLSSocket = connect(options, () => {
      resolve(socket.getPeerCertificate(true));
      socket.destroy();
    });
    const fail = (error: unknown) => {
      reject(error);
      socket.destroy();
    };
    const noAnswer = (cause: unknown) =>
      fail(
        new ApplicationError('NoAnswer', `no TLS connection to the Webapp at ${host}:${port}`, {
          retriable: true,
          cause,
        }),
      );
    const onAbort = () => fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', noAnswer);
    socket.on('timeout', () => noAnswer(new Error(`no handshake within ${HANDSHAKE_TIMEOUT_MS / 1000} s`)));
    socket.on('close', () => signal.removeEventListener('abort', onAbort));
  });
}

/** The end of a chain. A self-signed authority is its own issuer. */
function last(certificate: DetailedPeerCertificate): DetailedPeerCertificate {
  const { issuerCertificate: issuer } = certificate;
  return issuer && issuer.fingerprint256 !== certificate.fingerprint256 ? last(issuer) : certificate;
}

const pem = ({ raw }: DetailedPeerCertificate): string => {
  const base64 = raw
    .toString('base64')
    .replace(/(.{64})/g, '$1\n')
    .trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
};
