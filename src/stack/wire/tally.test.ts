import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { Tally } from './tally.ts';

describe('a tally', () => {
  it('shows at each reading what was counted until then, by labels', async () => {
    const registry = new Registry();
    const tally = new Tally({ name: 'calls', help: 'Calls', labelNames: ['result'], registers: [registry] });
    const read = async () => (await registry.metrics()).split('\n').filter((line) => /^calls/.test(line));
    expect(await read()).toEqual([]);
    for (const result of ['ok', 'failed', 'ok']) tally.add({ result });
    tally.add({ result: 'ok' }, 40);
    const counted = ['calls{result="ok"} 42', 'calls{result="failed"} 1'];
    expect(await read()).toEqual(counted);
    expect(await read()).toEqual(counted);
  });

  it('without labels is there before anything is counted', async () => {
    const registry = new Registry();
    const tally = new Tally({ name: 'calls', help: 'Calls', registers: [registry] });
    expect(await registry.metrics()).toContain('calls 0');
    tally.add({});
    expect(await registry.metrics()).toContain('calls 1');
  });
});
