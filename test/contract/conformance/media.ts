import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { failure, PNG } from '../../support/conformanceApi.ts';

export function media(api: ConformanceApi): void {
  const { call, upload } = api;
  describe('media', () => {
    it('are uploaded as raw bytes, downloaded with type and length, and deleted', async () => {
      const id = await upload(PNG, 'image/png');
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      const got = await call('GET', `/v1/media/${id}`);
      expect(got.headers).toMatchObject({
        'content-type': 'image/png',
        'content-length': String(PNG.length),
      });
      expect(got.bytes.equals(PNG)).toBe(true);
      expect((await call('DELETE', `/v1/media/${id}`)).status).toBe(200);
      for (const method of ['GET', 'DELETE']) {
        const gone = await call(method, `/v1/media/${id}`);
        expect([gone.status, gone.bytes.length]).toEqual([404, 0]);
      }
      expect((await call('GET', '/v1/media/..%2f..%2fetc%2fpasswd')).status).toBe(404);
    });

    it('are refused when empty, unreadable, or sent as a form', async () => {
      expect(
        failure(await call('POST', '/v1/media', Buffer.from('no image'), { type: 'image/png' })).slice(0, 2),
      ).toEqual([400, 1014]);
      expect(
        failure(await call('POST', '/v1/media', Buffer.alloc(0), { type: 'image/png' })).slice(0, 2),
      ).toEqual([400, 1008]);
      expect(
        failure(await call('POST', '/v1/media', PNG, { type: 'multipart/form-data; boundary=x' })).slice(
          0,
          2,
        ),
      ).toEqual([400, 1025]);
    });

    it('may be large: 32 MB arrive unchanged', async () => {
      const bytes = randomBytes(32 * 1024 * 1024);
      const id = await upload(bytes, 'application/octet-stream');
      const got = await call('GET', `/v1/media/${id}`);
      expect(createHash('sha256').update(got.bytes).digest('hex')).toBe(
        createHash('sha256').update(bytes).digest('hex'),
      );
    });
  });
}
