import { describe, expect, it } from 'vitest';
import { keyOfMessageId } from '../../../src/onprem/messages.ts';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { CUSTOMER, failure, PNG } from '../../support/conformanceApi.ts';
import { eventually } from '../../support/eventually.ts';

/** Single answers, to the byte. Built on the suites above: the number is connected, and the webhook receives. */
export function details(api: ConformanceApi): void {
  const { call, webhooks, write } = api;
  const send = (message: object) => call('POST', '/v1/messages', { to: CUSTOMER, ...message });
  const simulate = async (method: string, path: string, body?: unknown) =>
    expect((await api.stack.simulate(method, path, body)).status).toBe(204);
  const itemsOf = (id: string) =>
    api.receiver.received
      .flatMap((callback) => (callback.media_items ?? []) as Record<string, { id?: string }>[])
      .filter((item) => Object.values(item).some((content) => content.id === id));

  describe('to the byte', () => {
    it('a message is answered with its contact, its id, and the key of the id in the header', async () => {
      const { status, json, headers } = await send({ to: '+1 (650) 555-1234', text: { body: 'Hi' } });
      const id = json.messages[0].id;
      expect([status, json]).toEqual([
        201,
        {
          contacts: [{ input: '+1 (650) 555-1234', wa_id: CUSTOMER }],
          messages: [{ id }],
          meta: { api_status: 'stable', version: '2.57.1' },
        },
      ]);
      expect(headers['x-internal-request-ids']).toMatch(/^[0-9a-f]{32}\|[0-9A-F]{18}$/);
      expect(String(headers['x-internal-request-ids']).split('|')[1]).toBe(keyOfMessageId(id));
    });

    it('a message to the own number is refused', async () => {
      const { status, json } = await send({ to: api.stack.number, text: { body: 'Hi' } });
      expect([status, json.errors]).toEqual([
        400,
        [{ code: 1021, title: 'Bad user', details: 'cannot send messages to myself' }],
      ]);
    });

    it('a missing parameter is named', async () => {
      expect(failure(await send({ type: 'text', text: {} }))).toEqual([
        400,
        1008,
        "Parameter 'body' is mandatory for type 'text'",
      ]);
    });

    it('an optional field may be null', async () => {
      const id = await api.upload(PNG, 'image/png');
      const { status } = await send({
        type: 'image',
        image: { id, caption: null, link: null },
        text: null,
        ttl: null,
      });
      expect(status).toBe(201);
    });

    it('a message of a type that the client does not know has errors and no content', async () => {
      const id = await write({ from: CUSTOMER, type: 'unknown', content: {} });
      await write({ from: CUSTOMER, type: 'poll', content: { question: '?' } });
      await eventually(() => webhooks('unknown').length >= 2);
      for (const message of webhooks('unknown'))
        expect(message).toEqual({
          from: CUSTOMER,
          id: expect.any(String),
          timestamp: expect.stringMatching(/^\d{10}$/),
          type: 'unknown',
          errors: [
            { code: 501, title: 'Unknown message type', details: 'Message type is not currently supported' },
          ],
        });
      expect(webhooks('unknown').map((message) => message.id)).toContain(id);
    });

    it('the CA of the Webapp says since when it is', async () => {
      const { headers } = await call('GET', '/v1/certificates/external/ca');
      expect(headers).toMatchObject({
        'accept-ranges': 'bytes',
        'cache-control': 'public',
        'content-disposition': 'attachment; filename="ca.pem"',
        'content-type': 'text/plain;charset=UTF-8',
      });
      const modified = String(headers['last-modified']);
      expect(new Date(modified).toUTCString()).toBe(modified);
      expect(Date.parse(modified)).toBeLessThanOrEqual(Date.now());
    });

    it('a document has the name that its sender gave it', async () => {
      await call('PATCH', '/v1/settings/application', { media: { auto_download: ['document'] } });
      const named = async (filename: string) => {
        await write({
          from: CUSTOMER,
          type: 'document',
          content: { filename },
          media: { type: 'application/pdf', data: Buffer.from('%PDF-') },
        });
        const { document } = await eventually(() =>
          webhooks('document').find(
            (message) => (message.document as { filename: string }).filename === filename,
          ),
        );
        const { headers } = await call('GET', `/v1/media/${(document as { id: string }).id}`);
        return headers['content-disposition'];
      };
      expect(await eventually(() => named('invoice.pdf'))).toBe('attachment; filename=invoice.pdf');
      expect(await named('"a"\r\nb: ü.pdf')).toBe(
        `attachment; filename="_a___b: _.pdf"; filename*=UTF-8''%22a%22__b%3A%20%C3%BC.pdf`,
      );
    });

    it('media that was not downloaded has an id, by which it is downloaded later', async () => {
      await call('PATCH', '/v1/settings/application', { media: { auto_download: [] } });
      await write({
        from: CUSTOMER,
        type: 'image',
        content: { caption: 'later' },
        media: { type: 'image/png', data: PNG },
      });
      const { image } = await eventually(() =>
        webhooks('image').find((message) => (message.image as { caption?: string }).caption === 'later'),
      );
      const { id, ...about } = image as { id: string };
      const { sha256 } = about as unknown as { sha256: string };
      expect(about).toEqual({ caption: 'later', mime_type: 'image/png', sha256, status: 'undownloaded' });
      expect((await call('GET', `/v1/media/${id}`)).status).toBe(404);

      const asked = await call('GET', `/v1/media/${id}/download`);
      expect([asked.status, asked.json]).toEqual([
        200,
        { media_items: [{ id }], meta: { api_status: 'stable', version: '2.57.1' } },
      ]);
      expect(asked.headers['x-internal-request-ids']).toMatch(/^[0-9a-f]{32}$/);
      await eventually(() => itemsOf(id).length === 1);
      expect(itemsOf(id)).toEqual([
        { type: 'image', image: { id, mime_type: 'image/png', sha256, status: 'downloaded' } },
      ]);
      expect((await call('GET', `/v1/media/${id}`)).bytes.equals(PNG)).toBe(true);

      await call('GET', `/v1/media/${id}/download`);
      await eventually(() => itemsOf(id).length === 2);
      expect((await call('DELETE', `/v1/media/${id}`)).status).toBe(200);
      for (const unknown of [id, await api.upload(PNG, 'image/png'), 'x'])
        expect((await call('GET', `/v1/media/${unknown}/download`)).status).toBe(404);
    });
  });

  describe('a person whose WhatsApp id differs from the digits that are dialled', () => {
    it.each([
      ['Brazil', '+55 11 98765-4321', '551187654321'],
      ['Mexico', '+52 55 1234 5678', '5215512345678'],
      ['Argentina', '+54 11 1234-5678', '5491112345678'],
      ['anywhere, as the control API says', '+49 151 00000001', '4915100000009'],
    ])('in %s has it in answers, statuses and webhooks', async (place, dialled, waId) => {
      if (place.startsWith('anywhere')) await simulate('PUT', `/people/${waId}`, { dialled: [dialled] });
      await write({ from: dialled, type: 'text', content: { body: place } });
      const inbound = await eventually(() =>
        webhooks('text').find((message) => (message.text as { body: string }).body === place),
      );
      expect(inbound.from).toBe(waId);
      expect((await call('POST', '/v1/contacts', { contacts: [dialled] })).json.contacts).toEqual([
        { input: dialled, status: 'valid', wa_id: waId },
      ]);
      const { json } = await send({ to: dialled, text: { body: 'Hello' } });
      expect(json.contacts).toEqual([{ input: dialled, wa_id: waId }]);
      const id: string = json.messages[0].id;
      await eventually(() => api.receiver.statuses(id).includes('read'));
      const told = api.receiver.received
        .flatMap(({ statuses = [] }) => statuses)
        .filter((status) => status.id === id);
      for (const { recipient_id, message } of told)
        expect([recipient_id, message]).toEqual([waId, { recipient_id: waId }]);
      expect((await send({ to: waId, text: { body: 'Again' } })).json.contacts).toEqual([
        { input: waId, wa_id: waId },
      ]);
    });

    it('is one with the ninth digit in Brazil if the control API knows them by it', async () => {
      const waId = '5521987654321';
      await simulate('PUT', `/people/${waId}`, {});
      await eventually(async () => {
        const { json } = await send({ to: waId, text: { body: 'Hello' } });
        return json.contacts[0].wa_id === waId;
      });
    });
  });
}
