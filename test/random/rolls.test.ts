import { describe, expect, it } from 'vitest';
import { runRolls } from '../support/rollSimulation.ts';

describe('x', () => {
  it('y', async () => {
    const seed = Number(process.env.SEED ?? 1);
    const n = Number(process.env.SCHEDULES ?? 1);
    for (let s = seed; s < seed + n; s++) {
      const t = performance.now();
      const r = await runRolls({ seed: s });
      console.log(s, Math.round(performance.now() - t), 'ms', r.restarts, r.convergedAfterMs, JSON.stringify(r.violations));
      if (process.env.T) console.log(r.timeline.join('\n'));
    }
    expect(1).toBe(1);
  }, 3600_000);
});
