import { describe, expect, it } from 'vitest';
import { type RollResult, runRolls } from '../support/rollSimulation.ts';
import { PROPERTIES, type Property } from '../support/rollSimulationMonitor.ts';
import { shrunk } from '../support/rollSimulationShrink.ts';

/** `SEED=n SCHEDULES=1` repeats one schedule. `EVERY=1` goes on after failures, and counts them by property. */
const SCHEDULES = Number(process.env.SCHEDULES ?? 500);
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const MOST_BROKEN = process.env.EVERY ? Number.POSITIVE_INFINITY : 3;

interface Broken {
  readonly seed: number;
  readonly result: RollResult;
}

describe('rolls of a stack under random faults', () => {
  it(`keep every property in ${SCHEDULES} schedules from seed ${SEED}`, async () => {
    process.stderr.write(`roll schedules: SEED=${SEED} SCHEDULES=${SCHEDULES}\n`);
    const broken: Broken[] = [];
    let [run, restarts] = [0, 0];
    for (let seed = SEED; run < SCHEDULES && broken.length < MOST_BROKEN; seed++, run++) {
      const result = await runRolls({ seed });
      restarts += result.restarts;
      if (result.violations.length > 0) broken.push({ seed, result });
    }
    process.stderr.write(`${run} schedules, ${restarts} voluntary restarts\n`);
    const [first] = broken;
    expect(first && (await report(run, broken, first))).toBeUndefined();
    // A schedule in which nothing restarts proves nothing.
    expect(restarts).toBeGreaterThan(run / 2);
  }, 14_400_000);

  it('behave the same each time a seed is run', async () => {
    expect(await runRolls({ seed: SEED })).toEqual(await runRolls({ seed: SEED }));
  }, 120_000);
});

/** How often each property broke, and one broken schedule without the steps that it does not need. */
async function report(run: number, broken: readonly Broken[], { seed, result }: Broken): Promise<string> {
  const counts = (Object.keys(PROPERTIES) as Property[]).map((property) => {
    const seeds = broken.filter((one) => one.result.violations.some((found) => found.property === property));
    const some = seeds.slice(0, 5).map((one) => one.seed);
    return `  ${property}: ${seeds.length}, such as seeds ${some.join(', ') || 'none'} (${PROPERTIES[property]})`;
  });
  const { timeline } = await shrunk(seed, result);
  return [
    `${broken.length} of ${run} schedules broke a property; SEED=${seed} SCHEDULES=1 repeats the first`,
    ...counts,
    'The first one, without the steps that it does not need, in seconds of virtual time:',
    ...timeline,
  ].join('\n');
}
