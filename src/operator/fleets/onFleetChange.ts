import type { WorkQueue } from '../../engine/controller/workQueue.ts';
import { keyOf } from '../../engine/kube/kubeObject.ts';
import { fleetKey } from '../plan/fleet/fleetTarget.ts';
import { isForeignChange } from '../state/isForeignChange.ts';
import type { StackSources } from '../state/stackSources.ts';
import { isInFleet, parsedFleets } from './observeFleet.ts';

/** Changes of stacks come in bursts, and a fleet looks at all of its stacks. */
const GATHER_MS = 1_000;

/** Adds each fleet that a change concerns to the queue, and tells which stacks are gone. */
export function onFleetChange(
  sources: Pick<StackSources, 'stacks' | 'fleets'>,
  queue: Pick<WorkQueue, 'add' | 'addAfter'>,
  { forget }: { readonly forget: (stack: string) => void },
): void {
  sources.stacks.onChange((change) => {
    if (isForeignChange(change)) return;
    const { type, object, previous } = change;
    if (type === 'Deleted') forget(keyOf(object));
    for (const fleet of parsedFleets(sources))
      if (isInFleet(object, fleet) || (previous && isInFleet(previous, fleet)))
        queue.addAfter(fleetKey(fleet.metadata), GATHER_MS, 'change', `${keyOf(object)} changed`);
  });
  sources.fleets.onChange(({ object }) => {
    queue.add(keyOf(object), 'change', 'the fleet changed');
    // An older fleet that lets go of a stack leaves it to the others.
    for (const { metadata } of parsedFleets(sources))
      queue.addAfter(fleetKey(metadata), GATHER_MS, 'change', `${keyOf(object)} changed`);
  });
}
