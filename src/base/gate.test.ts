import { describe, expect, it } from 'vitest';
import { Gate } from './gate.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a gate', () => {
  it('lets as many run at once as it was told, and the others in order', async () => {
    const gate = new Gate({ atOnce: 2, longestQueue: 10 });
    const ends: (() => void)[] = [];
    const begun: number[] = [];
    const all = [0, 1, 2, 3].map((index) =>
      gate.run(() => {
        begun.push(index);
        return new Promise<void>((resolve) => ends.push(resolve));
      }),
    );
    await turn();
    expect(begun).toEqual([0, 1]);
    for (let ended = 0; ended < 4; ended++) {
      ends[ended]?.();
      await turn();
    }
    await Promise.all(all);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it('turns away whoever finds a full queue, and serves again afterwards', async () => {
    const gate = new Gate({ atOnce: 1, longestQueue: 1 });
    let end = () => {};
    const first = gate.run(() => new Promise<void>((resolve) => (end = resolve)));
    const second = gate.run(async () => {
      throw new Error('its own');
    });
    await expect(gate.run(async () => 1)).rejects.toMatchObject({ code: 'Busy' });
    end();
    await first;
    await expect(second).rejects.toThrow('its own');
    expect(await gate.run(async () => 2)).toBe(2);
  });
});
