import { isIP } from 'node:net';
import { checkServerIdentity, connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { ApplicationError } from './applicationError.ts';

export interface WebappAddresses {
  /** Of the ready pods themselves: in front of a Service that is not set up yet, anybody may answer. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Name that the certificate must bear. */
  readonly serverName: string;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * The authority at the end of the chain that every Webapp presents, PEM: read once, before anything secret is sent.
 * @throws ApplicationError `WrongCertificate` where a chain does not bear the name, or two Webapps differ
 */
export async function readAuthority(webapps: WebappAddresses, signal: AbortSignal): Promise<string> {
  const { addresses, port, serverName } = webapps;
  const authorities = await Promise.all(
    addresses.map((address) => authorityOf(address, port, serverName, signal)),
  );
  const [first] = authorities;
  if (first !== undefined && new Set(authorities).size === 1) return first;
  const message = `the Webapps at ${addresses.join(', ')} present different authorities`;
  throw new ApplicationError('WrongCertificate', message, { retriable: true });
}

function authorityOf(host: string, port: number, serverName: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    // An address is no name that TLS could send.
    const servername = isIP(serverName) ? '' : serverName;
    const options = { host, port, servername, rejectUnauthorized: false };
    const socket: TLSSocket = connect({ ...options, timeout: HANDSHAKE_TIMEOUT_MS }, () => {
      const certificate = socket.getPeerCertificate(true);
      socket.destroy();
      const problem = certificate.raw
        ? checkServerIdentity(serverName, certificate)?.message
        : 'it presents no certificate';
      if (problem === undefined) resolve(pem(last(certificate)));
      else
        reject(
          new ApplicationError('WrongCertificate', `the Webapp at ${host}: ${problem}`, { retriable: true }),
        );
    });
    const fail = (error: unknown) => {
      socket.destroy();
      reject(error);
    };
    const late = new ApplicationError('Deadline', `${host} does not complete the handshake`, {
      retriable: true,
    });
    socket.on('error', fail);
    socket.on('timeout', () => fail(late));
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
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
