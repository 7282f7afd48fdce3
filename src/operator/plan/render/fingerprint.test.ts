import { describe, expect, it } from 'vitest';
import { changedInputs, fingerprint } from './fingerprint.ts';

describe('the fingerprint of a child', () => {
  it('names the input that differs, and the field of spec', () => {
    const before = fingerprint({ spec: { images: { webapp: 'a' }, stack: 'Emulator' }, restarts: 0 });
    const after = fingerprint({ spec: { images: { webapp: 'b' }, stack: 'Emulator' }, restarts: 1 });
    expect(changedInputs(before.text, after.text, after.names)).toEqual(['spec.images', 'restarts']);
    expect(changedInputs(before.text, before.text, before.names)).toEqual([]);
  });

  it('does not change when a later version adds an input that is not set', () => {
    const before = fingerprint({ spec: { stack: 'Emulator' } });
    const after = fingerprint({ spec: { stack: 'Emulator', runtime: undefined } });
    expect(after.text).toBe(before.text);
    expect(changedInputs(before.text, after.text, after.names)).toEqual([]);
  });

  it('changes when such an input is set, and when it is removed again', () => {
    const without = fingerprint({ spec: { runtime: undefined } });
    const set = fingerprint({ spec: { runtime: 'gvisor' } });
    expect(changedInputs(without.text, set.text, set.names)).toEqual(['spec.runtime']);
    expect(changedInputs(set.text, without.text, without.names)).toEqual(['spec.runtime']);
  });

  it('ignores an input that this version no longer knows', () => {
    const before = fingerprint({ spec: { stack: 'Emulator', old: 1 } });
    const after = fingerprint({ spec: { stack: 'Emulator' } });
    expect(changedInputs(before.text, after.text, after.names)).toEqual([]);
  });

  it('is not compared with an annotation that holds something else', () => {
    const { text, names } = fingerprint({ restarts: 0 });
    for (const other of [undefined, '', 'abc', '"abc"', 'null'])
      expect(changedInputs(other, text, names)).toBeUndefined();
  });
});
