import { createServer } from 'node:https';
import { createAuthority, issueCertificate, type KeyPair } from '../src/base/pki/certificates.ts';
import { listen } from '../src/base/ports.ts';

/** What receives the callbacks of a stack. */
export interface Receiver {
  readonly url: string;
  /** Its certificate; `caPem` is the CA. */
  readonly pair: KeyPair;
  readonly caPem: string;
  /** Callbacks that have arrived so far. */
  callbacks(): number;
  /** Statuses in them. */
  statuses(): number;
  close(): void;
}

/** Answers callbacks at once, and counts them and what they tell. */
export async function startReceiver(): Promise<Receiver> {
  const authority = await createAuthority({ subject: 'CN=bench CA' });
  const pair = await issueCertificate(authority, {
    commonName: 'bench',
    hosts: ['127.0.0.1'],
    usage: 'server',
  });
  let [callbacks, statuses] = [0, 0];
  const server = createServer({ cert: pair.certificatePem, key: pair.privateKeyPem }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { statuses?: unknown[] };
      callbacks += 1;
      statuses += body.statuses?.length ?? 0;
      response.end();
    });
  });
  return {
    url: `https://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}/`,
    pair,
    caPem: authority.certificatePem,
    callbacks: () => callbacks,
    statuses: () => statuses,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
