/** Longer names fit no file system. */
const LONGEST = 255;
const TOKEN = /^[\w!#$&+.^`|~-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they would end or break the header
const NO_PART_OF_A_NAME = /[\u0000-\u001f\u007f-\u009f/\\]/g;

/**
 * `attachment; filename=NAME` (docs/onprem/api-messaging.md §5.2), for a name that a person chose. A name that is no
 * plain word is quoted, and one beyond ASCII is also given as RFC 6266 asks; what could name a folder is replaced.
 */
export function contentDisposition(name: string | undefined): string {
  const safe = name
    ?.slice(0, LONGEST)
    .replace(NO_PART_OF_A_NAME, '_')
    .replace(/\p{Surrogate}/gu, '_');
  if (!safe) return 'attachment';
  if (TOKEN.test(safe)) return `attachment; filename=${safe}`;
  const ascii = safe.replace(/[^\u0020-\u007e]/g, '_').replace(/["%]/g, '_');
  const quoted = `attachment; filename="${ascii}"`;
  return ascii === safe ? quoted : `${quoted}; filename*=UTF-8''${percentEncoded(safe)}`;
}

const percentEncoded = (text: string): string =>
  encodeURIComponent(text).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
