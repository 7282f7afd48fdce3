import { LARGEST_UPLOAD_BYTES, mediaProblem, normaliseType, UNKNOWN_TYPE } from '../../../onprem/media.ts';
import { numberIn } from '../callee.ts';
import type { Graph } from '../graph.ts';
import { GraphFailure } from '../graphFailure.ts';
import { type GraphCall, type GraphRoute, OBJECT, route } from '../graphRoute.ts';
import { isMediaUrl, MEDIA_PATH, PICTURE_PATH } from '../mediaUrl.ts';
import { newMediaId } from '../webhookValues.ts';

/** Beside the file, a form holds little. */
const LARGEST_FORM_BYTES = LARGEST_UPLOAD_BYTES + 64 * 1024;

const SIGNED = { mid: 'media', ext: 'end of the URL', hash: 'signature', type: 'content type' } as const;

export const mediaRoutes: readonly GraphRoute[] = [
  route(
    {
      method: 'POST',
      path: `${OBJECT}/media`,
      summary: 'Uploads media as a form with `messaging_product`, `file` and `type`',
      note: 'It can be used for 30 days.',
    },
    async (call, graph) => {
      const number = numberIn(call, graph);
      const bytes = await call.read(LARGEST_FORM_BYTES);
      const type = call.request.headers.get('content-type') ?? '';
      const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } })
        .formData()
        .catch(() => {
          throw new GraphFailure(100, 'The body is no form: send multipart/form-data');
        });
      if (form.get('messaging_product') !== 'whatsapp')
        throw new GraphFailure(100, 'The parameter messaging_product is required.');
      const [file, given] = [form.get('file'), form.get('type')];
      if (!(file instanceof Blob)) throw new GraphFailure(100, 'The parameter file is required.');
      // A browser or a library writes the type of the part as well.
      const mimeType = typeof given === 'string' && given.includes('/') ? given : file.type;
      if (mimeType === '') throw new GraphFailure(100, 'The parameter type is required.');
      const problem = mediaProblem(kindOf(mimeType), mimeType, file.size);
      if (problem !== undefined) throw new GraphFailure(131053, problem);
      const id = newMediaId();
      const sha256 = await graph.network.media.keep(Buffer.from(await file.arrayBuffer()));
      await graph.network.record({
        type: 'graph-media',
        id,
        media: { number, type: mimeType, sha256, at: graph.network.now(), isInbound: false },
      });
      return Response.json({ id });
    },
  ),
  route(
    {
      method: 'GET',
      path: `${MEDIA_PATH}/`,
      summary: 'The bytes of media, at the URL that the media names',
      note: 'The URL works for five minutes, with the access token. `Range` is obeyed.',
      query: SIGNED,
    },
    (call, graph) => signedMedia(MEDIA_PATH, call, graph),
  ),
  route(
    {
      method: 'GET',
      path: `${PICTURE_PATH}/`,
      summary: 'A profile picture, at the URL that the profile names',
      note: 'The URL works for five minutes, without an access token.',
      query: SIGNED,
      isOpen: true,
    },
    (call, graph) => signedMedia(PICTURE_PATH, call, graph),
  ),
];

async function signedMedia(
  path: typeof MEDIA_PATH | typeof PICTURE_PATH,
  { query, request }: Pick<GraphCall, 'query' | 'request'>,
  { network, urlKey }: Graph,
): Promise<Response> {
  const [mid = '', ext = '', hash = ''] = ['mid', 'ext', 'hash'].map(query);
  const size = isMediaUrl(urlKey, { mid, ext, hash, path }, network.now())
    ? await network.media.size(mid)
    : undefined;
  const content = size === undefined ? undefined : await network.media.read(mid);
  if (!content || size === undefined) return new Response('Not found', { status: 404 });
  const headers = { 'content-type': query('type') ?? UNKNOWN_TYPE, 'x-content-type-options': 'nosniff' };
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('range') ?? '');
  if (!range) return new Response(content, { headers: { ...headers, 'content-length': String(size) } });
  const from = Number(range[1]);
  const to = Math.min(size - 1, range[2] ? Number(range[2]) : size - 1);
  if (from > to) {
    await content.cancel();
    return new Response(null, { status: 416, headers: { 'content-range': `bytes */${size}` } });
  }
  const bytes = Buffer.from(await new Response(content).arrayBuffer()).subarray(from, to + 1);
  return new Response(bytes, {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${from}-${to}/${size}` },
  });
}

/** The kind whose limits hold for a type. */
function kindOf(mimeType: string): Parameters<typeof mediaProblem>[0] {
  const normal = normaliseType(mimeType);
  for (const kind of ['image', 'audio', 'video'] as const)
    if (normal.startsWith(`${kind}/`)) return normal === 'image/webp' ? 'document' : kind;
  return 'document';
}
