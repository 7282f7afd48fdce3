import { keyOfMessageId, messageId, peerOfMessageId } from '../onprem/messages.ts';

/**
 * Message ids of both products hold the direction, a phone number and a random key, so that one can be made from the other.
 * Inferred from published ids, hence what does not come back the same is left to a table of the caller.
 * Source: docs/onprem/cloud-migration.md §4.
 */

const PREFIX = 'wamid.';
const HEAD = Buffer.from([0x1c, 0x18]);
const MIDDLE = Buffer.from([0x15, 0x02, 0x00]);
const BEFORE_KEY = 0x18;
const DIRECTIONS = { outbound: 0x11, inbound: 0x12 } as const;
type Direction = keyof typeof DIRECTIONS;

interface IdParts {
  readonly direction: Direction;
  readonly peer: string;
  /** Upper-case hex. */
  readonly key: string;
}

function partsOfWamid(wamid: string): IdParts | undefined {
  if (!wamid.startsWith(PREFIX)) return undefined;
  const bytes = Buffer.from(wamid.slice(PREFIX.length), 'base64');
  const length = bytes[2] ?? 0;
  const afterPeer = 3 + length;
  const peer = bytes.toString('latin1', 3, afterPeer);
  const mark = bytes[afterPeer + MIDDLE.length];
  const direction = (['outbound', 'inbound'] as const).find((each) => DIRECTIONS[each] === mark);
  const keyLength = bytes[afterPeer + MIDDLE.length + 2] ?? 0;
  const keyAt = afterPeer + MIDDLE.length + 3;
  const key = bytes.toString('latin1', keyAt, keyAt + keyLength);
  if (!direction || !/^[1-9][0-9]{5,14}$/.test(peer) || !/^([0-9A-F]{2})+$/.test(key)) return undefined;
  return { direction, peer, key };
}

function wamidOf({ direction, peer, key }: IdParts): string {
  const bytes = Buffer.concat([
    HEAD,
    Buffer.from([peer.length]),
    Buffer.from(peer, 'latin1'),
    MIDDLE,
    Buffer.from([DIRECTIONS[direction], BEFORE_KEY, key.length]),
    Buffer.from(key, 'latin1'),
    Buffer.from([0]),
  ]);
  return PREFIX + bytes.toString('base64');
}

/** The On-Premises id of a message; undefined if the Cloud id is not of the known structure. */
export function onPremisesId(wamid: string): string | undefined {
  const parts = partsOfWamid(wamid);
  if (!parts) return undefined;
  const { direction, peer, key } = parts;
  const keyBytes = Buffer.from(key, 'hex');
  // The format of a sent message has 9 bytes of key, that of a received one 10.
  const id = messageId(direction, peer, () => keyBytes);
  return wamidOf(parts) === wamid && cloudId(id) === wamid ? id : undefined;
}

/** The Cloud id of a message; undefined for text that is no On-Premises id. */
export function cloudId(id: string): string | undefined {
  const [peer, key] = [peerOfMessageId(id), keyOfMessageId(id)];
  if (peer === undefined || key === undefined || key === '') return undefined;
  const isSent = ((Buffer.from(id, 'base64url')[0] ?? 0) & 0x80) !== 0;
  return wamidOf({ direction: isSent ? 'outbound' : 'inbound', peer, key });
}
