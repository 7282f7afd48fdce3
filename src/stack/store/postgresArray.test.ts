import { describe, expect, it } from 'vitest';
import { postgresArray } from './postgresArray.ts';

const HEAD = (type: number, length: number) =>
  [1, 0, type, length, 1].map((n) => n.toString(16).padStart(8, '0')).join('');
const bytes = (hex: string) => hex.replaceAll(' ', '');

describe('an array in the binary format of PostgreSQL', () => {
  it('names the length of each text in bytes', () => {
    const expected = `${HEAD(25, 2)} 00000002 c3a4 00000000`;
    expect(postgresArray('text', ['ä', '']).toString('hex')).toBe(bytes(expected));
  });

  it('knows a null by its length, and says so in the head', () => {
    const head = HEAD(25, 2).replace(/^(.{8}).{8}/, '$100000001');
    expect(postgresArray('text', [null, 'a']).toString('hex')).toBe(bytes(`${head} ffffffff 00000001 61`));
  });

  it('holds integers of both sizes, also negative ones and those beyond 32 bits', () => {
    expect(postgresArray('int4', [-1]).toString('hex')).toBe(bytes(`${HEAD(23, 1)} 00000004 ffffffff`));
    const expected = `${HEAD(20, 3)} 00000008 0000000100000002 00000008 ffffffffffffffff 00000008 001fffffffffffff`;
    const values = [2 ** 32 + 2, -1, Number.MAX_SAFE_INTEGER];
    expect(postgresArray('int8', values).toString('hex')).toBe(bytes(expected));
  });
});
