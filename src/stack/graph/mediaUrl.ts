import { createHmac, timingSafeEqual } from 'node:crypto';

/** How long the URL of media works. Source: docs/onprem/cloud-migration.md §6. */
const URL_MS = 5 * 60_000;

export const MEDIA_PATH = '/whatsapp_business/attachments';

const signatureOf = (key: Buffer, sha256: string, untilMs: number): string =>
  createHmac('sha256', key).update(`${sha256}/${untilMs}`).digest('base64url');

/** Where the bytes of media are for the next five minutes. `origin`: by which the caller reached this server. */
export function mediaUrl(
  key: Buffer,
  origin: string,
  { sha256, type }: { sha256: string; type: string },
  nowMs: number,
): string {
  const untilMs = nowMs + URL_MS;
  const query = new URLSearchParams({
    mid: sha256,
    ext: String(untilMs),
    hash: signatureOf(key, sha256, untilMs),
    type,
  });
  return `${origin}${MEDIA_PATH}/?${query}`;
}

/** Whether a URL is one of ours, and still works. */
export function isMediaUrl(
  key: Buffer,
  { mid, ext, hash }: { mid: string; ext: string; hash: string },
  nowMs: number,
): boolean {
  const [given, expected] = [Buffer.from(hash), Buffer.from(signatureOf(key, mid, Number(ext)))];
  return given.length === expected.length && timingSafeEqual(given, expected) && nowMs < Number(ext);
}
