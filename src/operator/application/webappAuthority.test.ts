import { createServer, type Server } from 'node:https';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate, type KeyPair } from '../../base/pki/certificates.ts';
import { listen } from '../../base/ports.ts';
import { readAuthority } from './webappAuthority.ts';

const never = new AbortController().signal;
const SERVER_NAME = 'shop-webapp.default.svc';
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A Webapp at an address of this machine. */
async function webapp(authority: KeyPair, address: string, name = SERVER_NAME, port = 0): Promise<number> {
  const pair = await issueCertificate(authority, { commonName: name, hosts: [name], usage: 'server' });
  const server = createServer({
    cert: pair.certificatePem + authority.certificatePem,
    key: pair.privateKeyPem,
  });
  servers.push(server);
  return listen(server, { host: address, port });
}

describe('the authority of Webapps', () => {
  it('is the last certificate of the chain that all of them present', async () => {
    const authority = await createAuthority({ subject: 'CN=stack' });
    const port = await webapp(authority, '127.0.0.1');
    await webapp(authority, '127.0.0.2', SERVER_NAME, port);
    const addresses = ['127.0.0.1', '127.0.0.2'];
    const read = await readAuthority({ addresses, port, serverName: SERVER_NAME }, never);
    expect(read.replace(/\s/g, '')).toBe(authority.certificatePem.replace(/\s/g, ''));
  });

  it('is not read from a server whose certificate has another name, such as a proxy', async () => {
    const port = await webapp(await createAuthority({ subject: 'CN=proxy' }), '127.0.0.1', 'proxy.example');
    const reading = readAuthority({ addresses: ['127.0.0.1'], port, serverName: SERVER_NAME }, never);
    await expect(reading).rejects.toMatchObject({ code: 'WrongCertificate', retriable: true });
  });

  it('is not read while two Webapps present different authorities', async () => {
    const port = await webapp(await createAuthority({ subject: 'CN=one' }), '127.0.0.1');
    await webapp(await createAuthority({ subject: 'CN=two' }), '127.0.0.2', SERVER_NAME, port);
    const addresses = ['127.0.0.1', '127.0.0.2'];
    const reading = readAuthority({ addresses, port, serverName: SERVER_NAME }, never);
    await expect(reading).rejects.toMatchObject({ code: 'WrongCertificate' });
  });
});
