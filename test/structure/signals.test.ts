import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => join('src', name));

describe('signals with deadlines', () => {
  it('are made by withDeadline and eitherSignal, because Node 20 collects those of AbortSignal', () => {
    const collected = sources.filter((file) =>
      /(?<![`\w])AbortSignal\.(any|timeout)\(/.test(readFileSync(file, 'utf8')),
    );
    expect(collected).toEqual([]);
  });
});
