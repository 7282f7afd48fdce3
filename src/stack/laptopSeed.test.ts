import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseSeed } from './laptopSeed.ts';

describe('the configuration of the laptop mode', () => {
  it('is read as YAML, and the example of the documentation is one', () => {
    const [, example = ''] =
      /```yaml\n(# emulator\.yaml[\s\S]*?)```/.exec(readFileSync('docs/emulator/seed.md', 'utf8')) ?? [];
    const seed = parseSeed(example);
    expect(seed.users).toEqual([{ username: 'agent', password: 'Passw0rd!-agent' }]);
    expect(seed.people?.map(({ waId }) => waId)).toEqual(['16505551234', '16505550000', '4915100000009']);
    expect(seed.templates?.[0]).toMatchObject({ status: 'approved' });
    expect(parseSeed('')).toEqual({});
  });

  it.each([
    ['users: [{username: agent, password: weak}]', 'Password must have 8 to 64 characters'],
    ['people: [{waId: Ana}]', 'people[0].waId'],
    ['colour: red', '"colour"'],
    ['settings: {webhooks: {url: "http://x"}}', 'must begin with https://'],
    ['{', 'not valid YAML'],
  ])('names what is wrong with %s', (text, message) => {
    expect(() => parseSeed(text)).toThrow(message);
  });
});
