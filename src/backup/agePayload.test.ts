import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { Decrypter, Encrypter } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { createKeys, openKeys } from './ageKeys.ts';
import { decrypted, encrypted } from './agePayload.ts';

const CHUNK = 64 * 1024;
const { keys, identityFile } = await createKeys('correct horse');
const SIZES = [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17];

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}
const seal = (plain: Uint8Array, size = 10_000) => buffer(encrypted(pieces(plain, size), keys));
const open = (file: Uint8Array, size = 10_000) => buffer(decrypted(pieces(file, size), keys));

describe('an age payload', () => {
  it.each(SIZES)('of %i bytes is read by the package, and that of the package here', async (size) => {
    const plain = randomBytes(size);
    const decrypter = new Decrypter();
    decrypter.addIdentity(keys.identity);
    expect(Buffer.from(await decrypter.decrypt(await seal(plain))).equals(plain)).toBe(true);
    const encrypter = new Encrypter();
    encrypter.addRecipient(keys.recipient);
    expect((await open(await encrypter.encrypt(plain))).equals(plain)).toBe(true);
  });

  it.each([1, 16, 999, CHUNK, CHUNK + 16, 1_000_000])(
    'does not depend on pieces of %i bytes',
    async (size) => {
      const plain = randomBytes(2 * CHUNK + 5);
      expect((await open(await seal(plain, size), size)).equals(plain)).toBe(true);
    },
  );

  it('that lost, gained, repeats or changes a byte or a chunk is corrupted', async () => {
    const file = await seal(randomBytes(3 * CHUNK));
    const sealed = CHUNK + 16;
    const start = file.length - 3 * sealed;
    const flipped = Buffer.from(file);
    flipped.writeUInt8((flipped.at(-1) ?? 0) ^ 1, file.length - 1);
    const spoilt = {
      'a byte less': file.subarray(0, -1),
      'a byte more': Buffer.concat([file, Buffer.from([0])]),
      'a chunk less': file.subarray(0, -sealed),
      'a chunk more': Buffer.concat([file, file.subarray(-sealed)]),
      'chunks swapped': Buffer.concat([
        file.subarray(0, start),
        file.subarray(start + sealed, start + 2 * sealed),
        file.subarray(start, start + sealed),
        file.subarray(start + 2 * sealed),
      ]),
      'a bit flipped': flipped,
      'only a header': file.subarray(0, 100),
      nothing: Buffer.alloc(0),
      'no age file': randomBytes(40_000),
    };
    for (const [what, bytes] of Object.entries(spoilt))
      await expect(open(bytes), what).rejects.toMatchObject({ code: 'BackupCorrupted' });
  });

  it('for another key is not opened', async () => {
    const other = await createKeys('correct horse');
    const file = await seal(randomBytes(10));
    await expect(buffer(decrypted(pieces(file, 10), other.keys))).rejects.toMatchObject({
      code: 'BackupCorrupted',
    });
  });
});

describe('the identity of a backup', () => {
  it('opens with the passphrase', async () => {
    expect(await openKeys(identityFile, 'correct horse')).toEqual(keys);
  });

  it('refuses another passphrase, and bytes that are no age file', async () => {
    await expect(openKeys(identityFile, 'wrong')).rejects.toMatchObject({ code: 'PassphraseWrong' });
    await expect(openKeys(Buffer.from('x'), 'wrong')).rejects.toMatchObject({ code: 'BackupCorrupted' });
  });
});
