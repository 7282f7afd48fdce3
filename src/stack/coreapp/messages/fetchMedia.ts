import { type Clock, withDeadline } from '../../../base/clock.ts';
import { openLink } from '../../../base/openLink.ts';
import { isLegalType, LARGEST_UPLOAD_BYTES, mediaProblem, UNKNOWN_TYPE } from '../../../onprem/media.ts';
import { type MediaReference, mediaReferences } from '../../../onprem/messages.ts';
import type { MediaProvider } from '../../../onprem/profile.ts';
import type { MediaFile, MediaStore } from '../../store/mediaStore.ts';

/** Not found in any source: how long a download may take. */
const DOWNLOAD_TIMEOUT_MS = 30_000;

export interface MediaSources {
  readonly store: MediaStore;
  readonly providers: () => Promise<readonly MediaProvider[]>;
  /** Hosts that links may name; undefined: all with public addresses. */
  readonly hosts?: readonly string[] | undefined;
  readonly clock: Clock;
}

/**
 * Downloads linked media of a message, and checks media that it names by id. All downloads of a message share one
 * deadline. @throws Error with the reason; the message then fails with 400, "Media download error"
 */
export async function fetchMedia(
  body: Record<string, unknown>,
  sources: MediaSources,
  signal: AbortSignal,
): Promise<MediaFile[]> {
  const references = mediaReferences(body);
  if (references.length === 0) return [];
  const late = () => new Error(`the media did not arrive within ${DOWNLOAD_TIMEOUT_MS / 1000} s`);
  const deadline = withDeadline(sources.clock, signal, DOWNLOAD_TIMEOUT_MS, late);
  const files: MediaFile[] = [];
  try {
    // One after the other: a message may name any number of links.
    for (const reference of references) {
      const file = await (reference.link === undefined
        ? sources.store.find(reference.id ?? '')
        : download(reference, reference.link, sources, deadline.signal));
      if (!file) throw new Error(`media ${reference.id} is not there`);
      const problem = mediaProblem(reference.kind, file.type, file.bytes);
      if (problem !== undefined) throw new Error(problem);
      files.push(file);
    }
    return files;
  } catch (error) {
    // The connection that the deadline cut reports something else.
    throw deadline.signal.aborted ? deadline.signal.reason : error;
  } finally {
    deadline.release();
  }
}

async function download(
  { provider }: MediaReference,
  link: string,
  { store, providers, hosts }: MediaSources,
  signal: AbortSignal,
): Promise<MediaFile> {
  const credentials = provider && authorization(provider.name, await providers());
  const answer = await openLink(link, { authorization: credentials, hosts }, signal);
  try {
    const { statusCode = 0, headers } = answer;
    if (statusCode < 200 || statusCode > 299) throw new Error(`${link} answered ${statusCode}`);
    // The server's content type counts, even if it is wrong.
    const type = headers['content-type'] ?? UNKNOWN_TYPE;
    return await store.write(answer, isLegalType(type) ? type : UNKNOWN_TYPE, LARGEST_UPLOAD_BYTES);
  } finally {
    answer.destroy();
  }
}

function authorization(name: string, providers: readonly MediaProvider[]): string {
  const config = providers.find((provider) => provider.name === name)?.config;
  if (!config) throw new Error(`no media provider ${name}`);
  if ('bearer' in config) return `Bearer ${config.bearer}`;
  const { username, password } = config.basic;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
