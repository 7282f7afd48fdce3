import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { type ClusterPki, loadOrCreatePki } from '../clusterPki.ts';
import { startLogServer } from './logServer.ts';

let folder: string;
let pki: ClusterPki;
let server: Awaited<ReturnType<typeof startLogServer>>;
const path = () => join(folder, '0.log');
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-logs-'));
  pki = await loadOrCreatePki(folder, '127.96.0.0/16');
  await writeFile(path(), '2026-01-01T00:00:00.000Z stdout F hello\n');
  server = await startLogServer({ pki, host: '127.0.0.1', clock: systemClock, find: path });
});
afterAll(async () => {
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

/** What is answered; `onText` hears it as it comes. */
const ask = (query: string, onText: (text: string) => void = () => {}) =>
  new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    request(
      {
        host: '127.0.0.1',
        port: server.port,
        path: `/containerLogs/default/pod/main?${query}`,
        agent: false,
        ca: pki.authority.certificatePem,
        cert: pki.admin.certificatePem,
        key: pki.admin.privateKeyPem,
        checkServerIdentity: () => undefined,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          onText(chunk);
        });
        response.on('end', () => resolve({ status: response.statusCode, text }));
      },
    )
      .on('error', reject)
      .end();
  });

describe('the log server of the process node', () => {
  it('ends what follows the log of a pod that goes away, and goes on itself', async () => {
    expect(await ask('timestamps=true')).toEqual({ status: 200, text: '2026-01-01T00:00:00.000Z hello\n' });
    const followed = await ask('follow=true', () => void rm(path()));
    expect(followed).toEqual({ status: 200, text: 'hello\n' });
    expect((await ask('')).status).toBe(404);
  });
});
