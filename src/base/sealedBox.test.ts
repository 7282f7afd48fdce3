import { describe, expect, it } from 'vitest';
import { createReaderKey, open, seal } from './sealedBox.ts';

const key = createReaderKey();

describe('a sealed box', () => {
  it('opens with the key that it was sealed for, and shows nothing of its text', () => {
    const text = 'the keys of a stack, ä and 🙂';
    const sealed = seal(text, key.publicKey);
    expect(open(sealed, key)).toBe(text);
    expect(Buffer.from(sealed, 'base64').toString('latin1')).not.toContain('keys');
    expect(seal(text, key.publicKey)).not.toBe(sealed);
  });

  it('opens with no other key', () => {
    const sealed = seal('text', key.publicKey);
    expect(() => open(sealed, createReaderKey())).toThrow('made for another key');
  });

  it('does not open after any byte was changed, or when it was cut', () => {
    const bytes = Buffer.from(seal('text', key.publicKey), 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      // X25519 ignores the highest bit of the last byte of a key, but the derived key does not.
      changed[at] = (changed[at] ?? 0) ^ 0x80;
      expect(() => open(changed.toString('base64'), key)).toThrow('was changed');
    }
    for (const length of [0, 31, 59, bytes.length - 1])
      expect(() => open(bytes.subarray(0, length).toString('base64'), key)).toThrow('was changed');
  });

  it('refuses a key that is none', () => {
    expect(() => seal('text', 'AAAA')).toThrow('has 32 bytes, not 3');
  });
});
