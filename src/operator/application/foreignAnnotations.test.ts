import { expect, it, vi } from 'vitest';
import { RollApi } from '../../../test/support/rollSimulationApi.ts';
import { NAMESPACE } from '../../../test/support/rollSimulationProcess.ts';
import { STACK, StackKind } from '../../../test/support/rollSimulationSpec.ts';
import { firstSpec } from '../../../test/support/rollSimulationSteps.ts';
import { RollWorld } from '../../../test/support/rollSimulationWorld.ts';
import { seeded } from '../../base/seeded.ts';
import { CHECK_WEBHOOK } from '../plan/facts/names.ts';

/** Less than the shortest time after which a settled stack is looked at anyway. */
const A_WHILE_MS = 500;

it('asks the API of a settled stack again for an annotation of the operator, not for those of other tools', async () => {
  const asked = vi.spyOn(RollApi.prototype, 'request');
  const world = new RollWorld(firstSpec(seeded(7)), 0, seeded(7));
  world.start('a');
  await world.clock.advance(300_000);
  const annotate = async (name: string) => {
    const stack = world.user.get(StackKind, NAMESPACE, STACK);
    if (!stack) throw new Error('the stack is gone');
    // Right after the look that comes by itself, so that none falls into the time in which the calls are counted.
    asked.mockClear();
    while (asked.mock.calls.length === 0) await world.clock.advance(50);
    await world.clock.advance(A_WHILE_MS);
    asked.mockClear();
    world.user.patch(stack, { metadata: { annotations: { [name]: 'now' } } });
    await world.clock.advance(A_WHILE_MS);
    return asked.mock.calls.length;
  };
  expect(await annotate('example.org/checked-at')).toBe(0);
  expect(await annotate(CHECK_WEBHOOK)).toBeGreaterThan(0);
  for (const process of world.processes) process.kill();
  asked.mockRestore();
});
