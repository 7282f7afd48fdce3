import { Agent, request } from 'node:https';
import type { ApiAddress } from '../test/support/apiCall.ts';

export interface PacedLoadOptions {
  readonly address: ApiAddress;
  readonly token: string;
  /** 0: as fast as the stack accepts them. */
  readonly perSecond: number;
  readonly messages: number;
  readonly recipient: (index: number) => string;
}

const CONNECTIONS = 32;

/** Sends the given number of messages, at a steady pace unless `perSecond` is 0. Refused messages are sent again. */
export async function pacedLoad(options: PacedLoadOptions): Promise<void> {
  const { address, token, perSecond, messages, recipient } = options;
  const { host, port, serverName, caPem: ca } = address;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: CONNECTIONS,
    ca,
    ...(serverName ? { servername: serverName } : {}),
  });
  const send = (index: number) =>
    new Promise<boolean>((resolve) => {
      const payload = JSON.stringify({ to: recipient(index), text: { body: `message ${index}` } });
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(payload),
      };
      const outgoing = request(
        { host, port, path: '/v1/messages', method: 'POST', agent, headers },
        (response) => {
          response.resume();
          response.on('end', () => resolve((response.statusCode ?? 500) < 300));
        },
      );
      outgoing.on('error', () => resolve(false));
      outgoing.end(payload);
    });
  const startedAt = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < messages) {
      const index = next++;
      const dueMs = perSecond === 0 ? 0 : (index * 1000) / perSecond;
      const waitMs = startedAt + dueMs - performance.now();
      if (waitMs > 0) await new Promise((done) => setTimeout(done, waitMs));
      while (!(await send(index))) await new Promise((done) => setTimeout(done, 200));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  agent.destroy();
}
