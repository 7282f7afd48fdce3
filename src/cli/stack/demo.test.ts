import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../../base/logger.ts';
import { runDemo } from './demo.ts';

const servers: Server[] = [];
const listen = async (server: Server, port = 0) => {
  servers.push(server.listen(port, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};
afterEach(() => servers.splice(0).map((server) => server.close()));

it('tries again while a NetworkPolicy does not yet know its pod and refuses the connection, and not after an answer', async () => {
  const port = await listen(createServer());
  await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
  const network = createServer((_, answer) => answer.writeHead(404).end('no such number'));
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (message) => {
      warnings.push(message);
      void listen(network, port);
    },
  };
  const options = {
    host: '127.0.0.1',
    port,
    ca: '',
    username: 'admin',
    password: 'secret',
    controlUrl: `http://127.0.0.1:${port}`,
    controlToken: 'token',
    number: '+16315551000',
    customer: '16505550077',
  };
  const host = { env: {}, distFolder: 'dist', version: '0.0.0', signal: new AbortController().signal };
  const { stdin, stdout, stderr } = process;
  const openCluster = () => Promise.reject(new Error('no cluster'));
  const ran = runDemo(options, { ...host, stdin, stdout, stderr, logger, openCluster });
  await expect(ran).rejects.toThrow("the simulated network rejected the customer's message: no such number");
  expect(warnings).toEqual(['writing as a customer again']);
});
