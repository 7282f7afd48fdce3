import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { HostileGroup, HostileInput } from './hostileInput.ts';
import { apiGroups } from './inputs/api.ts';
import { connectionGroups } from './inputs/connections.ts';
import { contentGroups } from './inputs/content.ts';
import { controlGroups } from './inputs/control.ts';
import { frameGroups } from './inputs/frames.ts';
import { Target } from './target.ts';
import { Watch } from './watch.ts';

/** Every input is sent as often; `npm run soak` sends more. */
const ROUNDS = Number(process.env.HOSTILE_ROUNDS ?? 1);
const PROCESSES = ['webapp-0', 'coreapp-0', 'network'] as const;
/** What one input may cost all processes together. The regular expressions of before took 26 s. */
const MOST_CPU_MS = 5_000;
/** A body at its limit and the copies that reading it takes, of the few that are read at a time. */
const MOST_MB = { grown: 250, peak: 600 };
/** Connections that clients and databases keep; what leaks is sent a hundred times. */
const MOST_DESCRIPTORS = 40;

const groups: readonly HostileGroup[] = [
  ...apiGroups,
  ...controlGroups,
  ...contentGroups,
  ...connectionGroups,
  ...frameGroups,
];
const count = groups.reduce((sum, { inputs }) => sum + inputs.length, 0);

let target: Target;
let watch: Watch;
const found = { sent: 0, unclear: 0, dearestMs: 0, dearest: '' };
beforeAll(async () => {
  target = await Target.start();
  await eventually(() => target.works(), 60_000);
  watch = new Watch(PROCESSES, {
    pidOf: (name) => target.processes.pid(name),
    probes: [
      () => target.api({ method: 'GET', path: '/' }, 'nobody'),
      () => target.api({ method: 'GET', path: '/v1/stats/app' }, 'key'),
      () => target.control({ method: 'GET', path: '/healthz' }),
    ],
  });
}, 120_000);
afterAll(async () => {
  await watch?.stop();
  await target?.close();
}, 60_000);

/** Sends an input. @returns what is wrong with what came of it */
async function problemOf({ name, send, expected }: HostileInput): Promise<string | undefined> {
  const before = watch.cpuMs;
  const outcome = await send(target).catch((error: unknown) => `failed: ${error}`);
  const costMs = watch.cpuMs - before;
  found.sent += 1;
  if (costMs > found.dearestMs) Object.assign(found, { dearestMs: costMs, dearest: name });
  const isClear = expected.test(outcome) && !outcome.includes('unforeseen');
  if (!isClear) found.unclear += 1;
  if (!isClear) return `${name}: ${outcome}, not ${expected}`;
  return costMs > MOST_CPU_MS ? `${name}: it took ${costMs} ms of the processors` : undefined;
}

describe('hostile inputs', () => {
  it.each(groups.filter(({ inputs }) => inputs.length > 0).map((group) => [group.name, group] as const))(
    '%s',
    async (_, { inputs }) => {
      const problems: string[] = [];
      for (let round = 0; round < ROUNDS; round++)
        for (const input of inputs) {
          const problem = await problemOf(input);
          if (problem !== undefined && !problems.includes(problem)) problems.push(problem);
        }
      expect(problems).toEqual([]);
    },
    ROUNDS * 120_000,
  );

  it(`${count} of them leave every process alive and at work`, async () => {
    expect(count).toBeGreaterThanOrEqual(500);
    await eventually(() => target.works(), 30_000);
    expect(watch.failures).toEqual([]);
  });

  it('leave no descriptors and no memory behind', async () => {
    await eventually(
      async () => Object.values(watch.grown()).every(({ descriptors }) => descriptors <= MOST_DESCRIPTORS),
      30_000,
    ).catch(() => {});
    const grown = watch.grown();
    const { sent, unclear, dearest, dearestMs } = found;
    process.stderr.write(
      `hostile inputs: ${sent} sent, ${unclear} unclear; dearest "${dearest}" with ${dearestMs} ms; ` +
        `longest probe ${watch.longestProbeMs} ms; grown ${JSON.stringify(grown)}\n`,
    );
    for (const [name, { descriptors, rssMb, peakMb }] of Object.entries(grown)) {
      expect([name, descriptors <= MOST_DESCRIPTORS, descriptors]).toEqual([name, true, descriptors]);
      expect([name, rssMb <= MOST_MB.grown, rssMb]).toEqual([name, true, rssMb]);
      expect([name, peakMb <= MOST_MB.peak, peakMb]).toEqual([name, true, peakMb]);
    }
  }, 60_000);

  it('kept nothing that stops a Webapp from its next start', async () => {
    await watch.stop();
    await target.restartWebapp();
    await eventually(() => target.works().catch(() => false), 30_000);
  }, 90_000);
});
