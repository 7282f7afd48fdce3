import { LARGEST_UPLOAD_BYTES, mediaProblem } from '../../../onprem/media.ts';
import { type MediaReference, mediaReferences } from '../../../onprem/messages.ts';
import type { MediaProvider } from '../../../onprem/profile.ts';
import type { MediaFile, MediaStore } from '../../store/mediaStore.ts';

/** Not found in any source: how long a download may take. */
const DOWNLOAD_TIMEOUT_MS = 30_000;

export interface MediaSources {
  readonly store: MediaStore;
  readonly providers: () => Promise<readonly MediaProvider[]>;
}

/**
 * Downloads linked media of a message, and checks media that it names by id.
 * @throws Error with the reason; the message then fails with 400, "Media download error"
 */
export async function fetchMedia(
  body: Record<string, unknown>,
  sources: MediaSources,
  signal: AbortSignal,
): Promise<MediaFile[]> {
  return Promise.all(
    mediaReferences(body).map(async (reference) => {
      const file = await (reference.link === undefined
        ? sources.store.find(reference.id ?? '')
        : download(reference, reference.link, sources, signal));
      if (!file) throw new Error(`media ${reference.id} is not there`);
      const problem = mediaProblem(reference.kind, file.type, file.bytes);
      if (problem !== undefined) throw new Error(problem);
      return file;
    }),
  );
}

async function download(
  { provider }: MediaReference,
  link: string,
  { store, providers }: MediaSources,
  signal: AbortSignal,
): Promise<MediaFile> {
  const headers = provider ? authorization(provider.name, await providers()) : {};
  const answer = await fetch(link, {
    headers,
    signal: AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]),
  });
  if (!answer.ok || !answer.body) throw new Error(`${link} answered ${answer.status}`);
  // The server's content type counts, even if it is wrong.
  const type = answer.headers.get('content-type') ?? 'application/octet-stream';
  return store.write(answer.body, type, LARGEST_UPLOAD_BYTES);
}

function authorization(name: string, providers: readonly MediaProvider[]): Record<string, string> {
  const config = providers.find((provider) => provider.name === name)?.config;
  if (!config) throw new Error(`no media provider ${name}`);
  if ('bearer' in config) return { authorization: `Bearer ${config.bearer}` };
  const { username, password } = config.basic;
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}
