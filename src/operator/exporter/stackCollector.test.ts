import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import type { CollectTarget, CounterSource, NodeCounters } from './readCounters.ts';
import { StackCollector } from './stackCollector.ts';

const TARGET: CollectTarget = {
  namespace: 'default',
  name: 'shop',
  host: 'shop-webapp.default.svc',
  port: 443,
  ca: '',
  certificateNames: [],
  apiKey: 'key',
  webapps: [],
};
const KEY = 'default/shop';
const SECOND_MS = 1_000;

const counter = (source: string, value: number, series = 1): NodeCounters => ({
  labels: { node: 'n' },
  metrics: {
    [`${source}_total`]: {
      type: 'counter',
      help: 'h',
      data: Array.from({ length: series }, (_, index) => ({ labels: { index: String(index) }, value })),
    },
  },
});

let collector: StackCollector | undefined;
afterEach(() => collector?.close());

/** A collector of one stack, whose answers a test sets. */
function collecting() {
  const clock = new VirtualClock();
  const reads: CounterSource[] = [];
  const stack: { answer: (source: CounterSource) => Promise<NodeCounters[]> } = {
    answer: async (source) => [counter(source, reads.length)],
  };
  collector = new StackCollector({
    clock,
    random: () => 0.5,
    logger: silentLogger,
    isOurs: () => false,
    read: (source) => {
      reads.push(source);
      return stack.answer(source);
    },
  });
  collector.follow(KEY, TARGET);
  const samples = (prefix: string) =>
    (collector?.text() ?? '').split('\n').filter((line) => line.startsWith(prefix));
  return { clock, reads, stack, collector, samples };
}

describe('the counters of stacks', () => {
  it('are read every 15 s, those of the database every five minutes, independently of scrapes', async () => {
    const { clock, reads, samples } = collecting();
    await clock.advance(0);
    expect([...reads].sort()).toEqual(['app', 'db', 'webapp']);
    await clock.advance(14 * SECOND_MS);
    samples('');
    expect(reads).toHaveLength(3);
    await clock.advance(SECOND_MS);
    expect(reads.slice(3)).toEqual(['webapp', 'app']);
    await clock.advance(285 * SECOND_MS);
    expect(reads.filter((source) => source === 'db')).toHaveLength(2);
  });

  it('of a database that could not be read are read again after a minute', async () => {
    const { clock, reads, stack } = collecting();
    const { answer } = stack;
    stack.answer = async (source) => {
      if (source === 'db') throw new Error('too busy');
      return answer(source);
    };
    const databaseReads = () => reads.filter((source) => source === 'db').length;
    await clock.advance(300 * SECOND_MS);
    expect(databaseReads()).toBe(2);
    await clock.advance(45 * SECOND_MS);
    expect(databaseReads()).toBe(2);
    stack.answer = answer;
    await clock.advance(15 * SECOND_MS);
    expect(databaseReads()).toBe(3);
    await clock.advance(285 * SECOND_MS);
    expect(databaseReads()).toBe(3);
  });

  it('carry the stack and the node, and say whether the last reading succeeded', async () => {
    const { clock, samples } = collecting();
    await clock.advance(0);
    expect(samples('app_total')).toEqual([
      expect.stringMatching(/^app_total\{namespace="default",stack="shop",node="n",index="0"\} \d$/),
    ]);
    expect(samples('waba_stack_up{')).toHaveLength(3);
    expect(samples('waba_stack_up{').every((line) => line.endsWith(' 1'))).toBe(true);
  });

  it('keep the last figures of a stack that does not answer, for two minutes', async () => {
    const { clock, stack, samples } = collecting();
    await clock.advance(0);
    stack.answer = async () => {
      throw new Error('no answer');
    };
    await clock.advance(60 * SECOND_MS);
    expect(samples('waba_stack_up{namespace="default",stack="shop",source="app"}')).toEqual([
      expect.stringMatching(/ 0$/),
    ]);
    expect(samples('app_total')).toHaveLength(1);
    await clock.advance(61 * SECOND_MS);
    expect(samples('app_total')).toEqual([]);
    expect(samples('db_total')).toHaveLength(1);
  });

  it('are bounded, and dropped series are counted', async () => {
    const { clock, stack, samples } = collecting();
    stack.answer = async (source) =>
      source === 'app' ? [counter('app', 1, 2_000), counter('app', 2, 1_010)] : [];
    await clock.advance(15 * SECOND_MS);
    expect(samples('app_total')).toHaveLength(3_000);
    expect(samples('waba_stack_series_dropped{namespace="default",stack="shop",source="app"}')).toEqual([
      expect.stringMatching(/ 10$/),
    ]);
  });

  it('of a deleted stack are not served, nor those of a reading that was under way', async () => {
    const { clock, reads, stack, collector, samples } = collecting();
    await clock.advance(0);
    const answers: ((nodes: NodeCounters[]) => void)[] = [];
    stack.answer = () => new Promise((resolve) => answers.push(resolve));
    await clock.advance(15 * SECOND_MS);
    collector.follow(KEY, undefined);
    for (const answer of answers) answer([counter('app', 1)]);
    await clock.advance(60 * SECOND_MS);
    expect(samples('')).toEqual(['']);
    expect(reads).toHaveLength(5);
  });
});
