import { createHmac, timingSafeEqual } from 'node:crypto';

/** How long the URL of media works. Source: docs/onprem/cloud-migration.md §6. */
const URL_MS = 5 * 60_000;

export const MEDIA_PATH = '/whatsapp_business/attachments';
/** Of profile pictures, which everybody may see. */
export const PICTURE_PATH = '/profile_pictures';
type Path = typeof MEDIA_PATH | typeof PICTURE_PATH;

const signatureOf = (key: Buffer, path: Path, sha256: string, untilMs: number): string =>
  createHmac('sha256', key).update(`${path}/${sha256}/${untilMs}`).digest('base64url');

/** Where the bytes of media are for the next five minutes. `origin`: by which the caller reached this server. */
export function mediaUrl(
  key: Buffer,
  { origin, path = MEDIA_PATH }: { readonly origin: string; readonly path?: Path },
  { sha256, type }: { sha256: string; type: string },
  nowMs: number,
): string {
  const untilMs = nowMs + URL_MS;
  const query = new URLSearchParams({
    mid: sha256,
    ext: String(untilMs),
    hash: signatureOf(key, path, sha256, untilMs),
    type,
  });
  return `${origin}${path}/?${query}`;
}

/** Whether a URL is one of ours, and still works. */
export function isMediaUrl(
  key: Buffer,
  { mid, ext, hash, path }: { mid: string; ext: string; hash: string; path: Path },
  nowMs: number,
): boolean {
  const [given, expected] = [Buffer.from(hash), Buffer.from(signatureOf(key, path, mid, Number(ext)))];
  return given.length === expected.length && timingSafeEqual(given, expected) && nowMs < Number(ext);
}
