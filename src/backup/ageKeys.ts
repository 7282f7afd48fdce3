import { createCipheriv, createDecipheriv, randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { buffer, text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient, Stanza } from 'age-encryption';
import { CodedError } from '../base/codedError.ts';

/**
 * Work factor of scrypt: 2^14 rounds take 16 MiB of memory, in an agent that has about 100 MB; the default of age, 2^18,
 * takes 256 MiB.
 */
const SCRYPT_LOG_N = 14;
const MOST_LOG_N = 18;
const CIPHER = 'chacha20-poly1305';
const SCRYPT_LABEL = 'age-encryption.org/v1/scrypt';
const SALT_BYTES = 16;
const NO_NONCE = Buffer.alloc(12);
const TAG_BYTES = 16;
/** Longer headers do not come from here. */
const LONGEST_HEADER_BYTES = 16 * 1024;
const MAC_LINE = Buffer.from('\n--- ');
const NEWLINE = 0x0a;

/** The key pair of one backup. Who lacks the recipient can't forge an object, so it is stored nowhere in clear. */
export interface BackupKeys {
  readonly identity: string;
  readonly recipient: string;
}

/** A new key pair, and the age file that holds it behind the passphrase: `age -d -i` takes that file as it is. */
export async function createKeys(
  passphrase: string,
): Promise<{ keys: BackupKeys; identityFile: Uint8Array }> {
  const identity = await generateX25519Identity();
  const encrypter = new Encrypter();
  encrypter.addRecipient({ wrapFileKey: (fileKey) => wrap(fileKey, passphrase) });
  const identityFile = await buffer(await encrypter.encrypt(streamOf(Buffer.from(`${identity}\n`))));
  return { keys: { identity, recipient: await identityToRecipient(identity) }, identityFile };
}

/** For the package. It reads what is no stream by a `Response`, for which Node.js loads its undici: 12 MB. */
const streamOf = (...chunks: Uint8Array[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

/** What the package says when no key opens the header. */
const NO_KEY = /no identity matched/;

/** @throws CodedError `PassphraseWrong`, `BackupCorrupted` */
export async function openKeys(identityFile: Uint8Array, passphrase: string): Promise<BackupKeys> {
  const decrypter = new Decrypter();
  decrypter.addIdentity({ unwrapFileKey: (stanzas: Stanza[]) => unwrap(stanzas, passphrase) });
  try {
    const identity = (await text(await decrypter.decrypt(streamOf(identityFile)))).trim();
    return { identity, recipient: await identityToRecipient(identity) };
  } catch (cause) {
    throw NO_KEY.test(String(cause))
      ? new CodedError('PassphraseWrong', 'the passphrase does not open identity.age of this backup', {
          cause,
        })
      : new CodedError('BackupCorrupted', 'identity.age is no age file with an identity', { cause });
  }
}

/**
 * The scrypt stanza of age. Node.js derives the key ten times as fast as the package, and gives its memory back at once.
 */
async function wrap(fileKey: Uint8Array, passphrase: string): Promise<Stanza[]> {
  const salt = randomBytes(SALT_BYTES);
  const cipher = createCipheriv(CIPHER, await stretched(passphrase, salt, SCRYPT_LOG_N), NO_NONCE, {
    authTagLength: TAG_BYTES,
  });
  const sealed = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
  return [new Stanza(['scrypt', unpadded(salt), String(SCRYPT_LOG_N)], sealed)];
}

async function unwrap(stanzas: readonly Stanza[], passphrase: string): Promise<Uint8Array | null> {
  const [stanza] = stanzas;
  const [type, salt = '', logN = ''] = stanza?.args ?? [];
  if (!stanza || type !== 'scrypt' || !/^[1-9]\d?$/.test(logN)) return null;
  // More would take more memory than the agent has.
  if (Number(logN) > MOST_LOG_N) throw new Error(`scrypt with 2^${logN} rounds takes too much memory`);
  const key = await stretched(passphrase, Buffer.from(salt, 'base64'), Number(logN));
  const decipher = createDecipheriv(CIPHER, key, NO_NONCE, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(stanza.body.subarray(-TAG_BYTES));
  const fileKey = decipher.update(stanza.body.subarray(0, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return null;
  }
  return fileKey;
}

const stretched = (passphrase: string, salt: Uint8Array, logN: number): Promise<Buffer> =>
  derive(passphrase, Buffer.concat([Buffer.from(SCRYPT_LABEL), salt]), 32, {
    N: 2 ** logN,
    r: 8,
    p: 1,
    maxmem: 2 ** (logN + 11),
  });

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/** The header of a new age file for the recipient, and the key of its payload. */
export async function newHeader({
  identity,
  recipient,
}: BackupKeys): Promise<{ header: Buffer; fileKey: Uint8Array }> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  // The package encrypts an empty file; its nonce and payload are dropped, and another nonce starts the real payload.
  const header = headerOf(await buffer(await encrypter.encrypt(streamOf())));
  if (!header) throw new CodedError('Unexpected', 'age-encryption made a file without header');
  return { header, fileKey: await fileKeyOf(header, identity) };
}

/** The key of a payload. @throws CodedError `BackupCorrupted` */
export async function fileKeyOf(header: Uint8Array, identity: string): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  try {
    return await decrypter.decryptHeader(header);
  } catch (cause) {
    throw new CodedError('BackupCorrupted', 'the object was encrypted with another key than identity.age', {
      cause,
    });
  }
}

/** The header with which these bytes begin; undefined until there are enough of them. @throws CodedError `BackupCorrupted` */
export function headerOf(bytes: Buffer): Buffer | undefined {
  const mac = bytes.indexOf(MAC_LINE);
  const end = mac === -1 ? -1 : bytes.indexOf(NEWLINE, mac + MAC_LINE.length);
  if (end !== -1) return bytes.subarray(0, end + 1);
  if (bytes.length > LONGEST_HEADER_BYTES)
    throw new CodedError('BackupCorrupted', 'the object is no age file');
  return undefined;
}
