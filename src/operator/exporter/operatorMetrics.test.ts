import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { registerOperatorMetrics } from './operatorMetrics.ts';

it('says on how many shards this replica works', async () => {
  const registry = new Registry();
  const metrics = { isWorking: true };
  const installation = { namespace: 'waba', name: 'operator' };
  const shards = { open: [0, 3] };
  registerOperatorMetrics({ registry, metrics, installation, version: '1.2.3', shards });
  expect(await registry.metrics()).toContain('waba_operator_shards_held{installation="waba/operator"} 2');
});

it('says which version of which installation runs, and whether this replica acts', async () => {
  const registry = new Registry();
  const metrics = { isWorking: false };
  const installation = { namespace: 'waba', name: 'operator' };
  registerOperatorMetrics({ registry, metrics, installation, version: '1.2.3' });
  expect(await registry.metrics()).toContain(
    'waba_operator_info{version="1.2.3",installation="waba/operator"} 1',
  );
  expect(await registry.metrics()).toContain('waba_operator_working{installation="waba/operator"} 0');
  metrics.isWorking = true;
  expect(await registry.metrics()).toContain('waba_operator_working{installation="waba/operator"} 1');
});
