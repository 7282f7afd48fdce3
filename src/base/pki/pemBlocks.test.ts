import { describe, expect, it } from 'vitest';
import { pemBlocks } from './pemBlocks.ts';

const block = (label: string, content = 'TUlJQg==') =>
  `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----`;

describe('the blocks of a PEM text', () => {
  it('come in order, without what stands around them', () => {
    const [key, leaf] = [block('EC PRIVATE KEY'), block('CERTIFICATE')];
    expect(pemBlocks(`Bag Attributes\n${key}\nsubject=CN=a\n${leaf}\n`)).toEqual([key, leaf]);
  });

  it('leave out a block that does not end, ends otherwise, or has no label', () => {
    const whole = block('CERTIFICATE');
    for (const broken of [
      '-----BEGIN CERTIFICATE-----\nTUlJQg==\n',
      '-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END PRIVATE KEY-----\n',
      '-----BEGIN \n-----\n-----END \n-----\n',
      '-----BEGIN ',
    ]) {
      expect(pemBlocks(broken)).toEqual([]);
      expect(pemBlocks(`${broken}${whole}`).at(-1)).toBe(whole);
    }
  });

  it('are found in a megabyte of lines that only begin, in the time that a read takes', () => {
    const hostile = [
      '-----BEGIN A-----'.repeat(60_000),
      '-----BEGIN CERTIFICATE-----\n'.repeat(40_000),
      '-----BEGIN '.repeat(100_000),
      `-----BEGIN ${'A '.repeat(500_000)}`,
    ];
    const before = process.cpuUsage();
    for (const text of hostile) expect(pemBlocks(text)).toEqual([]);
    // The regular expression took 26 s for the first of them.
    expect(process.cpuUsage(before).user).toBeLessThan(5_000_000);
  });
});
