import { describe, expect, it } from 'vitest';
import { addressRanges, clusterFolder, freeIndex, isRunning, processStartTicks } from './clusterState.ts';
import { holdRange, isRangeHeld } from './rangeLock.ts';

const state = (index: number) => ({
  name: `c${index}`,
  index,
  port: 1,
  phase: 'ready' as const,
  message: '',
});

describe('the state of local clusters', () => {
  it('gives clusters side by side addresses of their own, and users too', async () => {
    const free = async () => false;
    expect(await freeIndex([], 0, free)).toBe(0);
    expect(await freeIndex([state(0), state(1)], 0, free)).toBe(2);
    expect(await freeIndex([], 1000, free)).not.toBe(0);
    expect(await freeIndex([state(78)], 78 * 34, free)).toBeLessThan(79);
    expect(addressRanges(0)).toEqual({ serviceCidr: '127.96.0.0/16', podPrefix: '127.97' });
    expect(addressRanges(78)).toEqual({ serviceCidr: '127.252.0.0/16', podPrefix: '127.253' });
    const all = Array.from({ length: 79 }, (_, index) => state(index));
    await expect(freeIndex(all, 0, free)).rejects.toThrow(/kubectl waba local down/);
  });

  it('gives no range that a running cluster of another folder holds, and names it to one that has it', async () => {
    const release = await holdRange('first', 70);
    try {
      expect(await freeIndex([], 70 * 34, isRangeHeld)).not.toBe(70);
      await expect(holdRange('second', 70)).rejects.toThrow(/kubectl waba local down --name second/);
    } finally {
      release();
    }
    expect(await isRangeHeld(70)).toBe(false);
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
