import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createAuthority, issueCertificate } from '../../src/base/pki/certificates.ts';
import { listen } from '../../src/base/ports.ts';

export interface HttpsServer {
  readonly server: Server;
  readonly url: string;
  readonly caPem: string;
  close(): Promise<void>;
}

/** An HTTPS server on loopback with a certificate from its own authority. */
export async function startHttpsServer(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HttpsServer> {
  const authority = await createAuthority({ subject: 'CN=test authority' });
  const pair = await issueCertificate(authority, {
    commonName: 'test',
    hosts: ['127.0.0.1'],
    usage: 'server',
  });
  const server = createServer({ cert: pair.certificatePem, key: pair.privateKeyPem }, handler);
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  return {
    server,
    url: `https://127.0.0.1:${port}`,
    caPem: authority.certificatePem,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
