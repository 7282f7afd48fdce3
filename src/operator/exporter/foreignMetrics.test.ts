import { describe, expect, it } from 'vitest';
import { prometheusText } from '../../onprem/metrics.ts';
import { publishable } from './foreignMetrics.ts';

const gauge = (labels: Record<string, string | number> = {}, help = 'h', type = 'gauge') => ({
  type,
  help,
  data: [{ labels, value: 1 }],
});
const isOurs = (name: string) => name === 'workqueue_depth' || name.startsWith('waba_');
/** What Prometheus reads of a stack with these metrics. */
const lines = (metrics: Parameters<typeof publishable>[0]) =>
  prometheusText([
    { labels: { namespace: 'mine', stack: 'shop' }, metrics: { ...publishable(metrics, isOurs) } },
  ])
    .trim()
    .split('\n');

describe('the metrics of a stack', () => {
  it('are published as they are if nothing is wrong with them', () => {
    expect(lines({ web_requests: gauge({ code: 200 }, 'Requests', 'counter') })).toEqual([
      '# HELP web_requests Requests',
      '# TYPE web_requests counter',
      'web_requests{namespace="mine",stack="shop",code="200"} 1',
    ]);
  });

  it.each(['', '1st', 'a b', 'a{b="c"} 1\nother', 'ä', 'x'.repeat(201)])(
    'are left out if their name is %j',
    (name) => {
      expect(publishable({ [name]: gauge() }, isOurs)).toEqual({});
    },
  );

  it.each(['workqueue_depth', 'waba_stack_ready', 'workqueue_depth_bucket'])(
    'are left out if their name %s is one of the operator',
    (name) => {
      expect(publishable({ [name]: gauge() }, isOurs)).toEqual({});
    },
  );

  it('cannot pass for those of another stack, nor for another line', () => {
    const forged = gauge(
      { namespace: 'theirs', stack: 'x', 'a="b",stack': 'y', __name__: 'up' },
      'h\nup 0',
      'x\nup 0',
    );
    expect(lines({ ok: forged })).toEqual([
      '# HELP ok h up 0',
      '# TYPE ok untyped',
      'ok{namespace="mine",stack="shop"} 1',
    ]);
    expect(lines({ ok: gauge({ a: '"} 1\nup 0' }) }).at(-1)).toBe(
      'ok{namespace="mine",stack="shop",a="\\"} 1\\nup 0"} 1',
    );
  });

  it('have few and short labels', () => {
    const many = Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [`l${index}`, 'x'.repeat(1000)]),
    );
    const [one] = publishable({ ok: gauge(many) }, isOurs).ok?.data ?? [];
    expect(Object.values(one?.labels ?? {}).map((value) => String(value).length)).toEqual(
      Array(20).fill(200),
    );
  });
});
