import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { CodedError } from '../base/codedError.ts';

/**
 * Work factor of scrypt: 2^15 rounds take 32 MiB of memory, in an agent that stays below 100 MB; the default of age, 2^18,
 * takes 256 MiB.
 */
const SCRYPT_LOG_N = 15;
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
  encrypter.setPassphrase(passphrase);
  encrypter.setScryptWorkFactor(SCRYPT_LOG_N);
  const identityFile = await encrypter.encrypt(`${identity}\n`);
  return { keys: { identity, recipient: await identityToRecipient(identity) }, identityFile };
}

/** What the package says when no key opens the header. */
const NO_KEY = /no identity matched/;

/** @throws CodedError `PassphraseWrong`, `BackupCorrupted` */
export async function openKeys(identityFile: Uint8Array, passphrase: string): Promise<BackupKeys> {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  try {
    const identity = (await decrypter.decrypt(identityFile, 'text')).trim();
    return { identity, recipient: await identityToRecipient(identity) };
  } catch (cause) {
    throw NO_KEY.test(String(cause))
      ? new CodedError('PassphraseWrong', 'the passphrase does not open identity.age of this backup', {
          cause,
        })
      : new CodedError('BackupCorrupted', 'identity.age is no age file with an identity', { cause });
  }
}

/** The header of a new age file for the recipient, and the key of its payload. */
export async function newHeader({
  identity,
  recipient,
}: BackupKeys): Promise<{ header: Buffer; fileKey: Uint8Array }> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  // The package encrypts an empty file; its nonce and payload are dropped, and another nonce starts the real payload.
  const header = headerOf(Buffer.from(await encrypter.encrypt(new Uint8Array())));
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
