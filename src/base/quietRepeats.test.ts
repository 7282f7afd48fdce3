import { describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from './logger.ts';
import { quietRepeats } from './quietRepeats.ts';

describe('a logger without repeats', () => {
  it('writes the same line a few times a minute, then how many it left out', () => {
    const lines: [string, object | undefined][] = [];
    const inner: Logger = {
      ...silentLogger,
      warn: (message, fields) => void lines.push([message, fields]),
      child: () => inner,
    };
    let nowMs = 0;
    const logger = quietRepeats(inner, { monotonic: () => nowMs });
    for (let index = 0; index < 1000; index++) logger.child({ role: 'x' }).warn('refused', { index });
    logger.warn('other');
    expect(lines.map(([message]) => message)).toEqual([...Array(5).fill('refused'), 'other']);
    nowMs = 60_000;
    logger.warn('refused', { index: 1000 });
    expect(lines.at(-1)).toEqual(['refused', { index: 1000, notShown: 995 }]);
    logger.warn('other');
    expect(lines.at(-1)).toEqual(['other', {}]);
  });
});
