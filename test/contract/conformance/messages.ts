import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { beforeAll, describe, expect, it } from 'vitest';
import { listen } from '../../../src/base/ports.ts';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { CUSTOMER, failure, PNG, WEBP } from '../../support/conformanceApi.ts';
import { eventually } from '../../support/eventually.ts';

export function messages(api: ConformanceApi): void {
  const { call, upload, webhooks, write, statusInChat } = api;
  describe('messages', () => {
    beforeAll(async () => {
      await call('PATCH', '/v1/settings/application', {
        webhooks: { url: api.receiver.url, message: { sent: true } },
        callback_backoff_delay_ms: 200,
      });
      // The webhook CA takes effect only after a restart.
      await api.stack.restartCoreapp();
      await eventually(
        async () => (await call('GET', '/v1/health')).json.health?.gateway_status === 'connected',
      );
      await write({
        from: CUSTOMER,
        type: 'text',
        content: { body: 'Hi' },
      });
    });
    const send = (message: object) => call('POST', '/v1/messages', { to: CUSTOMER, ...message });
    const accepted = async (message: object): Promise<string> => {
      const answer = await send(message);
      expect([answer.status, answer.json.errors]).toEqual([201, undefined]);
      return answer.json.messages[0].id;
    };

    it('of every type are accepted and reported as sent, delivered and read', async () => {
      const image = await upload(PNG, 'image/png');
      const sticker = await upload(WEBP, 'image/webp');
      const ids = [
        await accepted({ text: { body: 'Hello' } }),
        await accepted({ type: 'image', image: { id: image, caption: 'c' } }),
        await accepted({ type: 'sticker', sticker: { id: sticker } }),
        await accepted({ type: 'location', location: { latitude: 1, longitude: 2 } }),
        await accepted({ type: 'contacts', contacts: [{ name: { formatted_name: 'A', first_name: 'A' } }] }),
        await accepted({
          type: 'template',
          template: { namespace: 'n', name: 't', language: { policy: 'deterministic', code: 'en' } },
        }),
        await accepted({
          type: 'interactive',
          interactive: {
            type: 'button',
            body: { text: '?' },
            action: { buttons: [{ type: 'reply', reply: { id: '1', title: 'Yes' } }] },
          },
        }),
        await accepted({ type: 'reaction', reaction: { message_id: 'x', emoji: '👍' } }),
      ];
      for (const id of ids) {
        expect(id).toMatch(/^gB[EG]G/);
        await eventually(() => api.receiver.statuses(id).length >= 3);
        expect(api.receiver.statuses(id).sort()).toEqual(['delivered', 'read', 'sent']);
      }
    });

    it('are refused with the documented code', async () => {
      for (const [message, status, code] of [
        [{ text: { body: 'x'.repeat(4097) } }, 400, 1001],
        [{ recipient_type: 'group', text: { body: 'x' } }, 400, 1002],
        [{ to: '12', text: { body: 'x' } }, 400, 1009],
        [{ to: api.stack.number, text: { body: 'x' } }, 400, 1021],
        [{ type: 'image' }, 400, 1008],
        [{ type: 'fax' }, 400, 1009],
        [{ type: 'image', image: { id: 'nowhere' } }, 404, 1006],
        [{ type: 'image', image: { id: 'x' }, text: { body: 'x' } }, 400, 1010],
        [
          {
            type: 'interactive',
            interactive: { type: 'list', body: { text: 'x' }, action: { button: 'b', sections: [] } },
          },
          400,
          2015,
        ],
      ] as const)
        expect([message, ...failure(await send(message)).slice(0, 2)]).toEqual([message, status, code]);
      expect(failure(await call('POST', '/v1/messages', { text: { body: 'x' } }))).toEqual([
        400,
        1008,
        'to is required',
      ]);
    });

    it('with a link are downloaded by the Coreapp with the credentials of a provider, or fail by webhook', async () => {
      const server = createServer((incoming, response) => {
        const allowed = incoming.headers.authorization === 'Bearer t0ken';
        response.writeHead(allowed ? 200 : 403, { 'content-type': 'image/png' }).end(allowed ? PNG : '');
      });
      const port = await listen(server, { host: '127.0.0.1', port: 0 });
      const link = `http://127.0.0.1:${port}/a.png`;
      await call('POST', '/v1/settings/application/media/providers', [
        { name: 'cdn', type: 'www', config: { bearer: 't0ken' } },
      ]);
      const good = await accepted({ type: 'image', image: { link, provider: { name: 'cdn' } } });
      const bad = await accepted({ type: 'image', image: { link } });
      const wrongKind = await accepted({ type: 'video', video: { link, provider: { name: 'cdn' } } });
      await eventually(() => api.receiver.statuses(good).includes('read'));
      for (const id of [bad, wrongKind]) {
        await eventually(() => api.receiver.statuses(id).includes('failed'));
        expect(
          api.receiver.received.flatMap(({ statuses = [] }) => statuses).find((status) => status.id === id),
        ).toMatchObject({
          errors: [{ code: 400, title: 'Media download error' }],
        });
      }
      server.close();
    });

    it('of customers arrive by webhook, media as files to download', async () => {
      await write({
        from: CUSTOMER,
        type: 'image',
        content: { caption: 'Look' },
        media: { type: 'image/png', data: PNG },
      });
      const [image] = await eventually(() => (webhooks('image').length > 0 ? webhooks('image') : undefined));
      expect(image).toMatchObject({ image: { caption: 'Look', mime_type: 'image/png' } });
      const { id, sha256 } = (image as { image: { id: string; sha256: string } } | undefined)?.image ?? {
        id: '',
        sha256: '',
      };
      const got = await call('GET', `/v1/media/${id}`);
      expect([got.bytes.equals(PNG), sha256]).toEqual([true, createHash('sha256').update(PNG).digest('hex')]);

      await call('PATCH', '/v1/settings/application', { media: { auto_download: [] } });
      await eventually(async () => {
        await write({
          from: CUSTOMER,
          type: 'voice',
          content: {},
          media: { type: 'audio/ogg; codecs=opus', data: PNG },
        });
        return webhooks('voice').some(
          ({ voice }) => (voice as { status?: string }).status === 'undownloaded',
        );
      });
      await write({
        from: CUSTOMER,
        type: 'button',
        content: { payload: 'P', text: 'Yes' },
        context: { from: api.stack.number, id: 'gB' },
      });
      const [button] = await eventually(() =>
        webhooks('button').length > 0 ? webhooks('button') : undefined,
      );
      expect(button).toMatchObject({
        button: { payload: 'P', text: 'Yes' },
        context: { from: api.stack.number },
      });
    });

    it('of customers are marked as read, and others are not found', async () => {
      const id = await write({
        from: CUSTOMER,
        type: 'text',
        content: { body: '?' },
      });
      expect((await call('PUT', `/v1/messages/${id}`, { status: 'read' })).status).toBe(200);
      expect(await statusInChat(CUSTOMER, id)).toBe('read');
      expect(failure(await call('PUT', `/v1/messages/${id}`, { status: 'deleted' })).slice(0, 2)).toEqual([
        400, 1009,
      ]);
      for (const unknown of ['nonsense', 'ABGGFlBVUSNPAgo-sCMmSg1-ci0K'])
        expect(failure(await call('PUT', `/v1/messages/${unknown}`, { status: 'read' })).slice(0, 2)).toEqual(
          [404, 1006],
        );
    });
  });
}
