import { describe, expect, it } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import { backupResult, RESULT_LIMIT_BYTES } from './contract/contract.ts';
import { failureOf, Progress, resultLine } from './report.ts';

describe('the result of a command', () => {
  it('fits into the message of a container, however much there is to say', () => {
    const success = {
      ok: true as const,
      command: 'run',
      name: 'n',
      durationMs: 1,
      warnings: Array.from({ length: 500 }, () => '€'.repeat(900)),
      databases: Array.from({ length: 500 }, (_, index) => `${'d'.repeat(63)}${index}`),
    };
    const failure = {
      ok: false as const,
      command: 'run',
      code: 'DumpFailed',
      message: '€'.repeat(9_000),
      retriable: true,
      durationMs: 1,
    };
    for (const result of [success, failure]) {
      const line = resultLine(result);
      expect(Buffer.byteLength(line)).toBeLessThan(RESULT_LIMIT_BYTES);
      expect(backupResult.parse(JSON.parse(line)).ok).toBe(result.ok);
    }
  });

  it('names the code of a failure that the contract knows, and no other', () => {
    expect(failureOf(new CodedError('DestinationFull', 'no space', { retriable: false }))).toEqual({
      code: 'DestinationFull',
      message: 'no space',
      retriable: false,
    });
    expect(failureOf(new CodedError('Odd', 'x')).code).toBe('Unexpected');
    expect(failureOf('x')).toEqual({ code: 'Unexpected', message: 'x', retriable: false });
  });
});

describe('progress', () => {
  it('is told at most once in two seconds', () => {
    let now = 0;
    const clock = { ...systemClock, monotonic: () => now };
    const lines: string[] = [];
    const progress = new Progress((line) => lines.push(line), clock);
    for (let bytes = 0; bytes < 50; bytes++) {
      progress.at('o', bytes);
      now += 100;
    }
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      { object: 'o', bytes: 0 },
      { object: 'o', bytes: 20 },
      { object: 'o', bytes: 40 },
    ]);
  });
});
