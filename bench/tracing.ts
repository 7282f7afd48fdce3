import { createHash } from 'node:crypto';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { freePort } from '../src/base/ports.ts';
import { startTracing } from '../src/base/tracing/startTracing.ts';
import { traced } from '../src/base/tracing/traced.ts';
import { printTable } from './printTable.ts';

// What a span costs: the same small work without one, in one while traces are off, and while a collector is down.
const CALLS = 200_000;
const ROUNDS = 5;
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const PAYLOAD = 'x'.repeat(500);

/** About as much as an entry of a journal, and far less than a request. */
const work = async () => createHash('sha256').update(PAYLOAD).digest('hex');
const inSpan = () => traced('bench', { parent: PARENT, attributes: { 'waba.type': 'text' } }, work);

/** CPU in µs for each call: the best of several rounds. */
async function cost(action: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let call = 0; call < CALLS; call++) await action();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / CALLS);
  }
  return best;
}

const bare = await cost(work);
const off = await cost(inSpan);
const endpoint = `http://127.0.0.1:${await freePort()}`;
process.env.OTEL_EXPORTER_OTLP_ENDPOINT = endpoint;
const end = await startTracing({
  env: process.env,
  serviceName: 'bench',
  version: '0',
  clock: systemClock,
  logger: silentLogger,
});
const on = await cost(inSpan);
await end();
const row = (name: string, us: number): [string, string] => [
  name,
  `${us.toFixed(2)} µs of CPU, ${((100 * us) / bare).toFixed(0)} %`,
];
printTable([
  row('a work of one hash', bare),
  row('in a span, traces off', off),
  row('in a span, traces on and the collector down', on),
]);
