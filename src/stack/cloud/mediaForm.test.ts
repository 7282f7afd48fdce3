import { once } from 'node:events';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpGraphTransport } from './graphTransport.ts';
import { mediaForm } from './mediaForm.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-form-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Posts the form to a real server, and reads it as a server does. */
async function posted(path: string, type: string, meanwhile: () => Promise<void> = async () => {}) {
  let headers: IncomingHttpHeaders = {};
  let bytes = Buffer.alloc(0);
  const server = createServer(async (request, response) => {
    headers = request.headers;
    bytes = await buffer(request);
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const form = await mediaForm(path, type);
  await meanwhile();
  const { port } = server.address() as AddressInfo;
  const transport = new HttpGraphTransport();
  const call = { method: 'POST', url: `http://127.0.0.1:${port}/`, ...form };
  await transport.call(call, new AbortController().signal);
  transport.close();
  server.closeAllConnections();
  server.close();
  const fields = await new Response(new Uint8Array(bytes), {
    headers: { 'content-type': String(headers['content-type']) },
  }).formData();
  return { headers, bytes, fields };
}

describe('mediaForm', () => {
  it('is a form that says its length and holds the file', async () => {
    const path = join(folder, 'media');
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    await writeFile(path, content);
    const { headers, bytes, fields } = await posted(path, 'application/pdf');
    expect(headers['content-length']).toBe(String(bytes.length));
    expect(headers['transfer-encoding']).toBeUndefined();
    expect([fields.get('messaging_product'), fields.get('type')]).toEqual(['whatsapp', 'application/pdf']);
    const file = fields.get('file') as File;
    expect(file.type).toBe('application/pdf');
    expect(Buffer.compare(Buffer.from(await file.arrayBuffer()), content)).toBe(0);
  });

  it('sends a file that is touched after the form was made', async () => {
    const path = join(folder, 'media');
    await writeFile(path, 'hello');
    const { fields } = await posted(path, 'text/plain', () => utimes(path, 1, 1));
    expect(await (fields.get('file') as File).text()).toBe('hello');
  });

  it('fails for a file that is not there', async () => {
    await expect(mediaForm(join(folder, 'none'), 'text/plain')).rejects.toThrow('ENOENT');
  });
});
