import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { networkProtocol } from '../../src/stack/wire/networkProtocol.ts';
import { nodeProtocol } from '../../src/stack/wire/nodeProtocol.ts';

const sources = readdirSync('src/stack', { recursive: true, encoding: 'utf8' })
  .filter((name) => /(?<!\.test)\.ts$/.test(name))
  .map((name) => readFileSync(join('src/stack', name), 'utf8'));

const withoutCaller = (calls: object): string[] =>
  Object.keys(calls).filter((call) => !sources.some((text) => new RegExp(`[(,]\\s*'${call}',`).test(text)));

describe('a call between the processes of a stack', () => {
  it.each([
    ['nodeProtocol', nodeProtocol],
    ['networkProtocol', networkProtocol],
  ])('has a caller if it is in the %s', (_, { calls }) => {
    expect(withoutCaller(calls)).toEqual([]);
  });
});
