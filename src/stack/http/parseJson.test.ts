import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadJson, parseJson } from './parseJson.ts';

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('JSON from outside', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
    expect(parseJson(' \n')).toEqual({});
    expect(parseJson(`{"a":"${'[{'.repeat(200)}\\"${'['.repeat(200)}"}`)).toMatchObject({});
  });

  it('is refused if it is broken, or nested deeper than anything sends', () => {
    expect(parseJson(nested(64))).toBeDefined();
    for (const text of ['{', 'nonsense', nested(65), '['.repeat(500_000), `{"a":${nested(100_000)}}`])
      expect(() => parseJson(text)).toThrow(BadJson);
  });
});
