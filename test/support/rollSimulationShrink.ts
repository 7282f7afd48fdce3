import { type RollResult, runRolls } from './rollSimulation.ts';

/** Leaves out steps one by one as long as the first broken property stays broken. */
export async function shrunk(seed: number, found: RollResult): Promise<RollResult> {
  const property = found.violations[0]?.property;
  let best = found;
  const only = new Set(Array.from({ length: found.steps }, (_, index) => index));
  for (const index of [...only].reverse()) {
    only.delete(index);
    const result = await runRolls({ seed, only });
    if (result.violations.some((violation) => violation.property === property)) best = result;
    else only.add(index);
  }
  return best;
}
