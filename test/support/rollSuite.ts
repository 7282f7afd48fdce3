import { describe, expect, it } from 'vitest';
import { type RollResult, runRolls } from './rollSimulation.ts';
import { PROPERTIES, type Property } from './rollSimulationMonitor.ts';
import { shrunk } from './rollSimulationShrink.ts';

/** `SEED=n SCHEDULES=1` repeats one schedule. `EVERY=1` goes on after failures, and counts them by property. */
const SCHEDULES = Number(process.env.SCHEDULES ?? 500);
const SEED = process.env.SEED === undefined ? undefined : Number(process.env.SEED);
/** Progress of a long run. */
const REPORT_EVERY = 250;
const MOST_BROKEN = process.env.EVERY ? Number.POSITIVE_INFINITY : 3;

interface Broken {
  readonly seed: number;
  readonly result: RollResult;
}

/** Declares the tests of one of two halves, which run side by side in processes of their own. */
export function testRolls(half: 0 | 1): void {
  const seedOfHalf = SEED ?? (Date.now() % 2 ** 30) * 2 + half;
  const schedules = SEED === undefined ? Math.ceil(SCHEDULES / 2) : half === 0 ? SCHEDULES : 0;
  const step = SEED === undefined ? 2 : 1;
  describe.skipIf(schedules === 0)('rolls of a stack under random faults', () => {
    it(`keep every property in ${schedules} schedules from seed ${seedOfHalf}`, async () => {
      process.stderr.write(`roll schedules: SEED=${seedOfHalf} SCHEDULES=${schedules}\n`);
      const broken: Broken[] = [];
      let [run, restarts] = [0, 0];
      for (let seed = seedOfHalf; run < schedules && broken.length < MOST_BROKEN; seed += step, run++) {
        const result = await runRolls({ seed });
        restarts += result.restarts;
        if (result.violations.length > 0) {
          broken.push({ seed, result });
          process.stderr.write(
            `SEED=${seed} broke ${result.violations.map(({ property }) => property).join(', ')}\n`,
          );
        }
        if ((run + 1) % REPORT_EVERY === 0)
          process.stderr.write(
            `${run + 1} schedules, ${restarts} voluntary restarts, ${broken.length} broken\n`,
          );
      }
      process.stderr.write(`${run} schedules, ${restarts} voluntary restarts\n`);
      const [first] = broken;
      expect(first && (await report(run, broken, first))).toBeUndefined();
      // A schedule in which nothing restarts proves nothing.
      expect(restarts).toBeGreaterThan(run / 2);
    }, 28_800_000);

    it('behave the same each time a seed is run', async () => {
      expect(await runRolls({ seed: seedOfHalf })).toEqual(await runRolls({ seed: seedOfHalf }));
    }, 120_000);
  });
}

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
