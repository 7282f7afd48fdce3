import { describe, expect, it } from 'vitest';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { failure, PNG, WEBP } from '../../support/conformanceApi.ts';

export function stickerPacks(api: ConformanceApi): void {
  const { call, upload } = api;
  describe('sticker packs', () => {
    it('of the business are listed separately from those of WhatsApp', async () => {
      expect((await call('GET', '/v1/stickerpacks?namespace=whatsapp')).json.stickerpacks).toContainEqual({
        id: 'whatsappcuppy',
      });
      expect(
        (await call('GET', '/v1/stickerpacks/whatsappcuppy?namespace=whatsapp')).json.stickerpacks,
      ).toEqual([{ publisher: 'WhatsApp', name: 'Cuppy' }]);
      const [{ id }] = (await call('POST', '/v1/stickerpacks', { publisher: 'Shop', name: 'Fun' })).json
        .stickerpacks;
      expect((await call('GET', '/v1/stickerpacks')).json.stickerpacks).toEqual([{ id }]);
      expect((await call('PATCH', `/v1/stickerpacks/${id}`, { name: 'More fun' })).status).toBe(200);
      expect((await call('GET', `/v1/stickerpacks/${id}`)).json.stickerpacks).toEqual([
        { publisher: 'Shop', name: 'More fun' },
      ]);
      const stickers = `/v1/stickerpacks/${id}/stickers`;
      const image = await upload(WEBP, 'image/webp');
      expect((await call('POST', stickers, { image_data_id: image, emojis: ['😀'] })).json.stickers).toEqual([
        { index: 0 },
      ]);
      expect(
        failure(await call('POST', stickers, { image_data_id: await upload(PNG, 'image/png') })).slice(0, 2),
      ).toEqual([400, 1009]);
      expect((await call('GET', stickers)).json.stickers).toEqual([{ index: 0 }]);
      expect((await call('PATCH', `${stickers}/0`, { emojis: ['😎'] })).status).toBe(200);
      expect((await call('GET', `${stickers}/0`)).json.stickers).toEqual([
        { id: image, image_data_id: image, emojis: ['😎'] },
      ]);
      expect((await call('DELETE', `${stickers}/0`)).status).toBe(200);
      expect(failure(await call('GET', `${stickers}/0`)).slice(0, 2)).toEqual([404, 1006]);
      expect((await call('DELETE', `/v1/stickerpacks/${id}`)).status).toBe(200);
      expect(failure(await call('GET', `/v1/stickerpacks/${id}`)).slice(0, 2)).toEqual([404, 1006]);
    });
  });
}
