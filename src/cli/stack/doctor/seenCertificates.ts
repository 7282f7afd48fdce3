import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type PeerCertificate, rootCertificates, type TLSSocket } from 'node:tls';
import { pemBlocks } from '../../../base/pki/pemBlocks.ts';
import type { SeenCertificate, SeenReceiver } from './facts.ts';

/** The certificates in the values of a Secret, as far as they can be read. */
export function certificatesIn(
  secretName: string,
  content: Readonly<Record<string, string>>,
  isRenewed: boolean,
): SeenCertificate[] {
  return Object.entries(content).flatMap(([key, text]) =>
    pemBlocks(text)
      .filter((block) => block.startsWith('-----BEGIN CERTIFICATE-----'))
      .flatMap((block) => {
        try {
          const { subject, validTo } = new X509Certificate(block);
          const where = `Secret ${secretName}, key ${key}`;
          return [{ where, subject: nameIn(subject), notAfter: Date.parse(validTo), isRenewed }];
        } catch {
          // The operator reports a certificate that cannot be read.
          return [];
        }
      }),
  );
}

/** `CN=example.org` of a subject of several lines. */
const nameIn = (subject: string): string =>
  subject.split('\n').find((line) => line.startsWith('CN=')) ?? subject.replaceAll('\n', ', ');

interface Handshake {
  /** From the certificate of the server upwards. */
  readonly chain: readonly { readonly subject: string; readonly notAfter: number }[];
  readonly untrusted: string | undefined;
  /** The certificate of the server. */
  readonly leaf: PeerCertificate;
  readonly ms: number;
}

/**
 * Connects, reads the chain that the server shows, and closes the connection. Sends nothing over it.
 * @param ca PEM of authorities besides those that everybody trusts
 * @throws the error of the connection, or the reason of the signal
 */
export function shakeHands(
  to: {
    readonly host: string;
    readonly port: number;
    readonly servername: string;
    readonly ca: string | undefined;
    readonly anyName?: boolean;
  },
  signal: AbortSignal,
): Promise<Handshake> {
  const { host, port, servername, ca } = to;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const startedAt = performance.now();
    const socket = connect({
      host,
      port,
      servername: isIP(servername) ? '' : servername,
      ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
      rejectUnauthorized: false,
      // The caller compares the names, as a certificate that was uploaded has others.
      ...(to.anyName ? { checkServerIdentity: () => undefined } : {}),
    });
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      settle();
    };
    const onAbort = () => end(() => reject(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', (error) => end(() => reject(error)));
    socket.once('secureConnect', () => {
      const ms = performance.now() - startedAt;
      const untrusted = socket.authorized ? undefined : errorText(socket);
      const leaf = socket.getPeerCertificate(true);
      const chain = chainOf(leaf);
      end(() => resolve({ chain, untrusted, leaf, ms }));
    });
  });
}

/** What the codes of Node.js mean. */
const MEANINGS: readonly (readonly [code: RegExp, meaning: string])[] = [
  [/^CERT_HAS_EXPIRED$/, 'it expired'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'it has another name'],
  [
    /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO_SELF_SIGNED|CERT_UNTRUSTED|CERT_SIGNATURE)/,
    'no authority that is trusted signed it',
  ],
];

function errorText({ authorizationError: error }: TLSSocket): string {
  const code =
    error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  const [, meaning] = MEANINGS.find(([pattern]) => pattern.test(code)) ?? [];
  return meaning ? `${meaning} (${code})` : code;
}

function chainOf(
  leaf: PeerCertificate & { readonly issuerCertificate?: PeerCertificate },
): Handshake['chain'] {
  const chain: { subject: string; notAfter: number }[] = [];
  const seen = new Set<string>();
  let current: typeof leaf | undefined = leaf;
  // A root names itself as its issuer.
  while (current?.fingerprint256 && !seen.has(current.fingerprint256)) {
    seen.add(current.fingerprint256);
    const { CN } = (current.subject ?? {}) as { readonly CN?: string | string[] };
    chain.push({ subject: `CN=${[CN].flat()[0] ?? '?'}`, notAfter: Date.parse(current.valid_to) });
    current = current.issuerCertificate;
  }
  return chain;
}

/** What a webhook receiver shows. A failed connection is a result, too. */
export async function seeReceiver(
  { url, ca }: { readonly url: string; readonly ca: string | undefined },
  signal: AbortSignal,
): Promise<SeenReceiver> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  try {
    const { chain, untrusted, ms } = await shakeHands(
      { host, port: Number(port || 443), servername: host, ca },
      signal,
    );
    return {
      host,
      chain: chain.map(({ subject }) => subject),
      notAfter: Math.min(...chain.map(({ notAfter }) => notAfter)),
      handshakeMs: ms,
      ...(untrusted === undefined ? {} : { untrusted }),
    };
  } catch (error) {
    return {
      host,
      chain: [],
      problem: error instanceof Error ? error.message || String(error) : String(error),
    };
  }
}
