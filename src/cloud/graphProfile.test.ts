import { expect, it } from 'vitest';
import { EMPTY_PROFILE, VERTICALS } from '../onprem/profile.ts';
import { businessOf, graphFieldsOf } from './graphProfile.ts';

it('is the same again after both conversions, with each industry and with none', () => {
  for (const vertical of ['', ...VERTICALS]) {
    const profile = {
      address: 'A',
      description: 'D',
      email: 'e@x.example',
      vertical,
      websites: ['https://x'],
    };
    const graph = graphFieldsOf(profile);
    expect(graph.vertical).toMatch(/^[A-Z_]+$/);
    expect(businessOf(graph)).toEqual(profile);
  }
});

it('is empty where Graph tells nothing, and of another industry where the old product has no name for it', () => {
  expect(businessOf({})).toEqual(EMPTY_PROFILE);
  expect(businessOf({ vertical: 'NOT_A_BIZ' })).toMatchObject({ vertical: 'Other' });
});

it('changes only the fields that are given', () => {
  expect(graphFieldsOf({ email: 'e@x.example' })).toEqual({ email: 'e@x.example' });
});
