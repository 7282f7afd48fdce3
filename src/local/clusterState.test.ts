import { describe, expect, it } from 'vitest';
import { addressRanges, clusterFolder, freeIndex, isRunning, processStartTicks } from './clusterState.ts';

const state = (index: number) => ({
  name: `c${index}`,
  index,
  port: 1,
  phase: 'ready' as const,
  message: '',
});

describe('the state of local clusters', () => {
  it('gives clusters side by side addresses of their own, and users too', () => {
    expect(freeIndex([], 0)).toBe(0);
    expect(freeIndex([state(0), state(1)], 0)).toBe(2);
    expect(freeIndex([], 1000)).not.toBe(0);
    expect(freeIndex([state(78)], 78 * 34)).toBeLessThan(79);
    expect(addressRanges(0)).toEqual({ serviceCidr: '127.96.0.0/16', podPrefix: '127.97' });
    expect(addressRanges(78)).toEqual({ serviceCidr: '127.252.0.0/16', podPrefix: '127.253' });
    expect(() =>
      freeIndex(
        Array.from({ length: 79 }, (_, index) => state(index)),
        0,
      ),
    ).toThrow(/kubectl waba local down/);
  });

  it('refuses names that would be paths', () => {
    expect(() => clusterFolder({}, '../x')).toThrow(/lower-case letters/);
    expect(clusterFolder({ XDG_DATA_HOME: '/data' }, 'waba')).toBe('/data/waba-operator/clusters/waba');
  });

  it('tells a running process from one that has only its number', () => {
    const startTicks = processStartTicks(process.pid) ?? '';
    expect(isRunning({ ...state(0), process: { pid: process.pid, startTicks } })).toBe(true);
    expect(isRunning({ ...state(0), process: { pid: process.pid, startTicks: '1' } })).toBe(false);
    expect(isRunning({ ...state(0), process: { pid: 2 ** 22 + 1, startTicks } })).toBe(false);
  });
});
