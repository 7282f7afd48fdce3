import { seeded } from '../src/base/seeded.ts';
import { CHECK_WEBHOOK } from '../src/operator/plan/facts/names.ts';
import { NAMESPACE } from '../test/support/rollSimulationProcess.ts';
import { STACK, StackKind } from '../test/support/rollSimulationSpec.ts';
import { firstSpec } from '../test/support/rollSimulationSteps.ts';
import { RollWorld } from '../test/support/rollSimulationWorld.ts';
import { printTable } from './printTable.ts';

// What a change without effect costs the operator: annotations of a settled stack change, in a simulated cluster and in this
// process. The server takes part of the CPU; the first row tells how much.
const CHANGES = 300;
const ROUNDS = 3;
const SETTLE_MS = 300_000;
const BETWEEN_MS = 300;
const FOREIGN = 'example.org/round';
/** A cluster with two Masters and a standby. */
const SEED = 7;

let changes = 0;

async function change(world: RollWorld, annotation: string): Promise<void> {
  const stack = world.user.get(StackKind, NAMESPACE, STACK);
  if (!stack) throw new Error('the stack is gone');
  world.user.patch(stack, { metadata: { annotations: { [annotation]: String(++changes) } } });
  await world.clock.advance(BETWEEN_MS);
}

/** CPU in ms for each change: the best of several rounds. */
async function cost(world: RollWorld, annotation: string): Promise<string> {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let index = 0; index < CHANGES; index++) await change(world, annotation);
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / 1000 / CHANGES);
  }
  return `${Math.min(...rounds.slice(1)).toFixed(2)} ms`;
}

const world = new RollWorld(firstSpec(seeded(SEED)), 0, seeded(SEED));
world.start('a');
await world.clock.advance(SETTLE_MS);
const foreign = await cost(world, FOREIGN);
const own = await cost(world, CHECK_WEBHOOK);
// The same settled stack: what the server does with a change grows with the status and the owners of its fields.
for (const each of world.processes) each.kill();
const alone = await cost(world, FOREIGN);
printTable([
  ['CPU per change, the operator is killed', alone],
  ['CPU per change of an annotation of another tool', foreign],
  ['CPU per change of an annotation of the operator, which both controllers look into', own],
]);
process.exit();
