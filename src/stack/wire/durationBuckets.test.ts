import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { DurationBuckets } from './durationBuckets.ts';

it('counts each duration in every bucket that holds it, from the first one on', async () => {
  const registry = new Registry();
  const buckets = new DurationBuckets({
    name: 'calls_ms',
    help: 'Calls',
    registers: [registry],
    labelNames: ['method'],
  });
  const read = async () =>
    Object.fromEntries(
      (await registry.metrics())
        .split('\n')
        .flatMap((line) => [/^calls_ms_bucket\{method="GET",le="(.+)"\} (\d+)$/.exec(line) ?? []])
        .flatMap(([, le, count]) => (le ? [[le, Number(count)]] : [])),
    );
  for (const ms of [3, 25, 26, 700, 99_000]) buckets.add({ method: 'GET' }, ms);
  buckets.add({ method: 'POST' }, 1);
  const counted = { 25: 2, 50: 3, 100: 3, 250: 3, 500: 3, 1000: 4, 2500: 4, 10000: 4, '+Inf': 5 };
  expect(await read()).toEqual(counted);
  expect(await read()).toEqual(counted);
  buckets.add({ method: 'GET' }, 80);
  expect(await read()).toMatchObject({ 50: 3, 100: 4, '+Inf': 6 });
});
