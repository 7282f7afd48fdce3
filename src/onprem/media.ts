import type { MediaKind } from './messageContent.ts';

/** Types and sizes of media. Source: docs/onprem/api-messaging.md §5.1. */

const MB = 1024 * 1024;

/** The largest upload. */
export const LARGEST_UPLOAD_BYTES = 100 * MB;

const mediaRules: Readonly<Record<MediaKind, { types: readonly string[]; largestBytes: number }>> = {
  audio: {
    types: ['audio/aac', 'audio/mp4', 'audio/amr', 'audio/mpeg', 'audio/ogg; codecs=opus'],
    largestBytes: 16 * MB,
  },
  /** Any type. */
  document: { types: [], largestBytes: 100 * MB },
  image: { types: ['image/jpeg', 'image/png'], largestBytes: 5 * MB },
  sticker: { types: ['image/webp'], largestBytes: 100 * 1024 },
  video: { types: ['video/mp4', 'video/3gpp'], largestBytes: 16 * MB },
};

/** The content type of media of which nothing else is known. */
export const UNKNOWN_TYPE = 'application/octet-stream';

/** Whether a content type can stand in a header: printable ASCII. It may be wrong in any other way. */
export const isLegalType = (type: string): boolean => /^[\x20-\x7e]{1,200}$/.test(type);

/** `audio/ogg;codecs=opus` and the like in one form. */
export const normaliseType = (type: string): string =>
  type
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
    .join('; ');

/** Why media of this type and size cannot be sent as this kind, or undefined. */
export function mediaProblem(kind: MediaKind, type: string, bytes: number): string | undefined {
  const { types, largestBytes } = mediaRules[kind];
  const normal = normaliseType(type);
  if (types.length > 0 && !types.includes(normal)) return `${normal} is not supported as ${kind}`;
  return bytes > largestBytes ? `${bytes} bytes; ${kind} may have ${largestBytes}` : undefined;
}

const SIGNATURES: readonly [string, (head: Buffer) => boolean][] = [
  ['image/jpeg', (head) => head.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))],
  ['image/png', (head) => head.subarray(0, 4).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47]))],
  [
    'image/webp',
    (head) => head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WEBP',
  ],
  ['application/pdf', (head) => head.toString('latin1', 0, 4) === '%PDF'],
  ['audio/ogg; codecs=opus', (head) => head.toString('latin1', 0, 4) === 'OggS' && head.includes('OpusHead')],
  ['audio/amr', (head) => head.toString('latin1', 0, 5) === '#!AMR'],
  ['video/mp4', (head) => head.toString('latin1', 4, 8) === 'ftyp'],
];

/** The type by the first bytes; undefined if they do not tell. */
const sniffType = (head: Buffer): string | undefined => SIGNATURES.find(([, matches]) => matches(head))?.[0];

/** Whether content can be of its declared type. Only images are checked. */
export const isReadable = (type: string, head: Buffer): boolean =>
  !type.startsWith('image/') || sniffType(head) === normaliseType(type);
