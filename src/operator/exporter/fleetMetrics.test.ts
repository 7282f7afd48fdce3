import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { FleetModel } from '../../../test/support/fleetModel.ts';
import { whatsAppFleet } from '../../../test/support/whatsAppFleet.ts';
import { registerFleetMetrics } from './fleetMetrics.ts';

it('fleets export their stacks by ring and state, and only where the replica acts', async () => {
  const model = new FleetModel({ rings: [{ name: 'all', maxUnavailable: 2, soakSeconds: 0 }] });
  for (const name of ['a', 'b', 'c']) model.add(name);
  model.reconcile();
  model.finish(model.begun[0] ?? '');
  model.fail(model.begun[1] ?? '', 'SpecInvalid', 'it is broken', 'RolloutStopped');
  model.reconcile();
  const registry = new Registry();
  let isWorking = true;
  const fleet = whatsAppFleet({ spec: model.spec, status: model.status });
  registerFleetMetrics({ registry, fleets: () => [fleet], isWorking: () => isWorking });
  const text = await registry.metrics();
  for (const [state, value] of [
    ['updated', 1],
    ['failed', 1],
    ['waiting', 1],
    ['held', 0],
  ])
    expect(text).toContain(
      `waba_fleet_stacks{namespace="default",fleet="eu",ring="all",state="${state}"} ${value}`,
    );
  expect(text).toContain(
    'waba_fleet_condition{namespace="default",fleet="eu",condition="Halted",reason="StackFailed"} 1',
  );
  isWorking = false;
  expect(await registry.metrics()).not.toContain('fleet="eu"');
});
