import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import { createAuthority, issueCertificate } from '../../base/pki/certificates.ts';
import { freePort } from '../../base/ports.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-receiver-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('kubectl waba webhooks receive', () => {
  it('prints a line for each message, status and error, until it is interrupted', async () => {
    const authority = await createAuthority({ subject: 'CN=test' });
    const pair = await issueCertificate(authority, {
      commonName: 't',
      hosts: ['127.0.0.1'],
      usage: 'server',
    });
    const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
    await Promise.all([writeFile(cert, pair.certificatePem), writeFile(key, pair.privateKeyPem)]);
    const port = await freePort();
    const stop = new AbortController();
    let run: ReturnType<typeof runWaba> | undefined;
    await new Promise<void>((resolve) => {
      run = runWaba(['webhooks', 'receive', '--port', String(port), '--cert', cert, '--key', key], {
        signal: stop.signal,
        onOutput: () => resolve(),
      });
    });
    const post = (body: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const outgoing = request(
          { host: '127.0.0.1', port, method: 'POST', ca: authority.certificatePem, agent: false },
          (response) => resolve(response.resume().statusCode),
        );
        outgoing.on('error', reject).end(body);
      });
    const text = { from: '1650', id: 'm1', timestamp: '1', type: 'text', text: { body: 'Hello' } };
    const status = { id: 'm2', recipient_id: '1650', status: 'failed', timestamp: '1' };
    expect(await post(JSON.stringify({ messages: [text], statuses: [status] }))).toBe(200);
    expect(await post('{')).toBe(200);
    stop.abort();
    const { code, stdout } = (await run) ?? {};
    expect(stdout?.split('\n')).toEqual([
      'webhook inbound m1 from 1650: Hello',
      'webhook failed m2',
      'webhook unreadable',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('makes a certificate of its own, whose CA it writes to a file', async () => {
    const port = await freePort();
    const stop = new AbortController();
    const caFile = join(folder, 'ca.pem');
    let run: ReturnType<typeof runWaba> | undefined;
    await new Promise<void>((resolve) => {
      run = runWaba(['webhooks', 'receive', '--port', String(port), '--ca-file', caFile], {
        signal: stop.signal,
        onOutput: (output) => {
          if (output.includes('receiving')) resolve();
        },
      });
    });
    const ca = await readFile(caFile);
    const status = await new Promise((resolve, reject) => {
      request({ host: 'localhost', port, ca, agent: false }, (response) =>
        resolve(response.resume().statusCode),
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
    stop.abort();
    expect((await run)?.code).toBe(0);
  });

  it('names the option of a file that it cannot read', async () => {
    const { code, stderr } = await runWaba(['webhooks', 'receive', '--cert', '/nope', '--key', '/nope']);
    expect(stderr).toContain('--cert: ENOENT');
    expect(code).toBe(1);
  });
});
