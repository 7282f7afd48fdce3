import { expect, it } from 'vitest';
import { ringsOf } from './ringsOf.ts';

const ring = (name: string, more: object = {}) => ({ name, soakSeconds: 0, ...more });
const members = (count: number, labels: Record<string, string> = {}) =>
  Array.from({ length: count }, (_, index) => ({ key: `ns/s${index}`, labels }));
const keys = (of: readonly { readonly key: string }[] | undefined) => new Set(of?.map(({ key }) => key));

it('a fleet without rings is one ring', () => {
  const { rings, withoutRing } = ringsOf([], members(3));
  expect(rings.map(({ spec, members: of }) => [spec.name, of.length])).toEqual([['all', 3]]);
  expect(withoutRing).toEqual([]);
});

it('a share is of the whole fleet, has at least one stack, and the last ring takes the rest', () => {
  const { rings } = ringsOf(
    [ring('a', { percentage: 1 }), ring('b', { percentage: 50 }), ring('c')],
    members(10),
  );
  expect(rings.map(({ members: of }) => of.length)).toEqual([1, 5, 4]);
});

it('a stack with the label of a later ring is in no share of an earlier one', () => {
  const late = { key: 'ns/late', labels: { ring: 'late' } };
  const { rings } = ringsOf(
    [ring('share', { percentage: 100 }), ring('late', { selector: { matchLabels: { ring: 'late' } } })],
    [...members(5), late],
  );
  expect(keys(rings[1]?.members)).toEqual(new Set(['ns/late']));
  expect(rings[0]?.members).toHaveLength(5);
});

it('a stack that comes or goes moves few others between shares', () => {
  const share = [ring('share', { percentage: 20 }), ring('rest')];
  const before = keys(ringsOf(share, members(100)).rings[0]?.members);
  const after = keys(ringsOf(share, members(101)).rings[0]?.members);
  expect([...before].filter((key) => !after.has(key)).length).toBeLessThanOrEqual(1);
});

it('tells which stacks no ring takes', () => {
  const { withoutRing } = ringsOf([ring('a', { percentage: 30 })], members(10));
  expect(withoutRing).toHaveLength(7);
});
