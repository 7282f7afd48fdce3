import { isLegalType, LARGEST_UPLOAD_BYTES } from '../../../onprem/media.ts';
import { Refusal } from '../../wire/protocol.ts';
import { emptyAnswer, jsonAnswer, relayed, streamAnswer } from '../respond.ts';
import { type Route, route } from '../route.ts';

/** Media. Source: docs/onprem/api-messaging.md §5. */
export const mediaRoutes: readonly Route[] = [
  route(
    {
      method: 'POST',
      path: '/v1/media',
      access: 'any',
      summary: 'Upload media: raw bytes with their Content-Type, up to 100 MB',
      fidelity: 'inferred',
      note: 'sources disagree about 200 and 201; the emulator answers 200',
    },
    async ({ request }, { media, version }) => {
      const type = request.headers.get('content-type');
      if (!type) throw new Refusal(1008, 'Content-Type is required');
      if (!isLegalType(type)) throw new Refusal(1009, 'Content-Type is no content type');
      if (type.startsWith('multipart/'))
        throw new Refusal(1025, 'The body must be the raw bytes, not multipart');
      if (!request.body) throw new Refusal(1008, 'The body is empty');
      const { id } = await media.write(request.body, type, LARGEST_UPLOAD_BYTES);
      return jsonAnswer({ status: 200, payload: { media: [{ id }] } }, version);
    },
  ),
  route(
    {
      method: 'GET',
      path: '/v1/media/:id',
      access: 'any',
      summary: 'Download media, uploaded or received',
      fidelity: 'exact',
    },
    async ({ parameter }, { media }) => {
      const file = await media.find(parameter('id'));
      return file ? streamAnswer(media.body(file.id), file) : emptyAnswer(404);
    },
  ),
  route(
    {
      method: 'GET',
      path: '/v1/media/:id/download',
      access: 'any',
      summary: 'Fetch received media that was not fetched by itself; the result comes by webhook',
      fidelity: 'inferred',
      note: 'for media that is there already the webhook comes again; a download that fails is reported as an error 400',
    },
    async ({ parameter }, { media, router, version }) => {
      const received = await media.received(parameter('id'));
      if (!received) return emptyAnswer(404);
      const { id, from } = received;
      await router.toShardOf(from, 'downloadMedia', { id });
      return relayed(version, 200, { media_items: [{ id }] });
    },
  ),
  route(
    { method: 'DELETE', path: '/v1/media/:id', access: 'any', summary: 'Delete media', fidelity: 'exact' },
    async ({ parameter }, { media, version }) =>
      (await media.remove(parameter('id'))) ? jsonAnswer({ status: 200 }, version) : emptyAnswer(404),
  ),
];
