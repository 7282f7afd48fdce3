import { expect, it } from 'vitest';
import { gathered } from './gathered.ts';

async function texts(...parts: string[]): Promise<string[]> {
  async function* content() {
    for (const part of parts) yield Buffer.from(part);
  }
  const found: string[] = [];
  for await (const chunk of gathered(content(), 4)) found.push(Buffer.from(chunk).toString());
  return found;
}

it('the bytes of a stream come in chunks of one size, and the last one as it is', async () => {
  expect(await texts('a', 'bcd', 'efghijklm', '', 'n')).toEqual(['abcd', 'efgh', 'ijkl', 'mn']);
  expect(await texts('abcd')).toEqual(['abcd']);
  expect(await texts()).toEqual([]);
});
