import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differences, leavesOf } from './differences.ts';

describe('differences between two values', () => {
  it('are none between equal values', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => differences(value, structuredClone(value)).length === 0),
    );
  });

  it('name what changed, moved, went and came', () => {
    const from = { to: '1', preview_url: true, text: { body: 'Hi' }, ttl: 7, old: 'name' };
    const to = { to: '+1', text: { body: 'Hi', preview_url: true }, fresh: 'name', type: 'text' };
    expect(differences(from, to)).toEqual([
      { change: 'changed', from: 'to', to: 'to', fromValue: '1', toValue: '+1' },
      { change: 'moved', from: 'preview_url', to: 'text.preview_url', fromValue: true, toValue: true },
      { change: 'removed', from: 'ttl', fromValue: 7 },
      { change: 'moved', from: 'old', to: 'fresh', fromValue: 'name', toValue: 'name' },
      { change: 'added', to: 'type', toValue: 'text' },
    ]);
  });

  it('do not take a common value under another name for the same thing', () => {
    const found = differences({ a: true, b: 0 }, { c: true, d: 0 });
    expect(found.map(({ change }) => change)).toEqual(['removed', 'removed', 'added', 'added']);
  });

  it('tell a place once for all elements of a list, with the first values', () => {
    const from = { statuses: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] };
    const to = { statuses: [{ id: 'A' }, { id: 'B' }, { id: 'c' }] };
    expect(differences(from, to, 'entry[0].')).toEqual([
      { change: 'changed', from: 'statuses[].id', to: 'entry[].statuses[].id', fromValue: 'a', toValue: 'A' },
    ]);
  });

  it('account for every end of both values', () => {
    fc.assert(
      fc.property(fc.object(), fc.object(), (a, b) => {
        const [from, to] = [JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b))];
        const found = differences(from, to);
        const here = (paths: Iterable<string>) =>
          new Set([...paths].map((path) => path.replace(/\[\d+\]/g, '[]')));
        const [before, after] = [leavesOf(from), leavesOf(to)];
        for (const path of here([...before.keys()].filter((each) => !after.has(each))))
          expect(found.some((each) => each.from === path)).toBe(true);
        for (const path of here([...after.keys()].filter((each) => !before.has(each))))
          expect(found.some((each) => each.to === path)).toBe(true);
      }),
    );
  });
});
