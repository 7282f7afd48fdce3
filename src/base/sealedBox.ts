import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { CodedError } from './codedError.ts';

/** A key pair whose public part may be told to anyone; only the process that made it opens what is sealed for it. */
export interface ReaderKey {
  /** 32 bytes in base64url. */
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PURPOSE = 'waba-operator sealed box 1';

export function createReaderKey(): ReaderKey {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return { publicKey: rawOf(publicKey).toString('base64url'), privateKey };
}

/**
 * Encrypts a text for the holder of a reader key: X25519 with a new key pair, HKDF-SHA256, AES-256-GCM. It says nothing
 * about who sealed it. @returns base64 @throws CodedError `BadReaderKey`
 */
export function seal(text: string, readerKey: string): string {
  const reader = publicKeyOf(Buffer.from(readerKey, 'base64url'));
  const own = generateKeyPairSync('x25519');
  const ownRaw = rawOf(own.publicKey);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(
    'aes-256-gcm',
    sharedKey(own.privateKey, reader, ownRaw, rawOf(reader)),
    nonce,
  );
  const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([ownRaw, nonce, cipher.getAuthTag(), content]).toString('base64');
}

/** @param sealed as `seal` returned it @throws CodedError `NotForThisReader` if it was sealed for another key, or changed */
export function open(sealed: string, { publicKey, privateKey }: ReaderKey): string {
  try {
    const bytes = Buffer.from(sealed, 'base64');
    const senderRaw = bytes.subarray(0, KEY_BYTES);
    const [nonceAt, tagAt, contentAt] = [
      KEY_BYTES,
      KEY_BYTES + NONCE_BYTES,
      KEY_BYTES + NONCE_BYTES + TAG_BYTES,
    ];
    const key = sharedKey(privateKey, publicKeyOf(senderRaw), senderRaw, Buffer.from(publicKey, 'base64url'));
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(nonceAt, tagAt), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(bytes.subarray(tagAt, contentAt));
    return Buffer.concat([decipher.update(bytes.subarray(contentAt)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new CodedError('NotForThisReader', 'the sealed text was made for another key, or was changed', {
      cause,
    });
  }
}

/** Both public keys are part of it, so that a box opens for one pair of keys only. */
function sharedKey(own: KeyObject, other: KeyObject, senderRaw: Buffer, readerRaw: Buffer): Buffer {
  const secret = diffieHellman({ privateKey: own, publicKey: other });
  return Buffer.from(hkdfSync('sha256', secret, Buffer.concat([senderRaw, readerRaw]), PURPOSE, 32));
}

const rawOf = (key: KeyObject): Buffer => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');

function publicKeyOf(raw: Buffer): KeyObject {
  if (raw.length !== KEY_BYTES)
    throw new CodedError('BadReaderKey', `a reader key has ${KEY_BYTES} bytes, not ${raw.length}`);
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: raw.toString('base64url') }, format: 'jwk' });
}
