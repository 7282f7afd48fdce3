import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { componentOf } from '../facts/names.ts';
import { networkUsers } from '../facts/networkUsers.ts';
import { type Observed, ownedBy } from '../facts/observed.ts';
import { type Child, childKey } from '../render/child.ts';
import { replicasOf } from './childChange.ts';
import { databaseUsers, nodesToStop, runningJobs, runningNodes } from './runningParts.ts';
import { stopped } from './stopping.ts';

/** The children of a stack that have pods. */
export interface StoppingChildren {
  readonly nodes: readonly Child[];
  /** The managed database, with its Service and claim. */
  readonly database: readonly Child[];
  /** The network process of the namespace, or the gateway of the stack, with its Service and claim. */
  readonly network: readonly Child[];
}

export interface Hibernation {
  /** In their new templates, which the pods take at waking. */
  readonly stop: readonly Child[];
  /** Nodes that the spec no longer declares, or declares otherwise. */
  readonly scale: readonly { readonly live: KubeObject; readonly replicas: 0 }[];
  /** What has not stopped yet; undefined once the stack sleeps. */
  readonly waitingFor: string | undefined;
}

/** What stops now. The database outlives everything that writes to it. */
export function hibernation(observed: Observed, children: StoppingChildren): Hibernation {
  const running = runningNodes(observed);
  const isThere = ({ object }: Child) => observed.children.has(childKey(object));
  const nodes = children.nodes.filter(isThere);
  const declared = new Set(nodes.map(({ object }) => childKey(object)));
  // A stack that sleeps is looked at too, and stays asleep.
  const isBackingUp = observed.isBackingUp === true && runningDatabase(observed) !== undefined;
  const writers = [
    ...nodesToStop(running),
    ...runningJobs(observed, () => true).map((job) => `the end of Job ${job}`),
    ...databaseUsers({ ...observed, isBackingUp }).map((user) => `the end of ${user}`),
  ];
  const mayStopRest = writers.length === 0;
  const rest = [...children.database, ...(isNetworkIdle(observed) ? children.network : [])];
  return {
    stop: [...nodes, ...(mayStopRest ? rest.filter((child) => child.restarts && isThere(child)) : [])].map(
      stopped,
    ),
    scale: running.sets
      .filter((live) => !declared.has(childKey(live)))
      .map((live) => ({ live, replicas: 0 as const })),
    waitingFor: mayStopRest ? runningDatabase(observed) : writers.join(', and for '),
  };
}

/** Another stack of the namespace that runs keeps the network process. One that is paused may run. A gateway has one stack. */
const isNetworkIdle = ({ resource, stacks }: Observed): boolean =>
  resource.spec.stack === 'Cloud' ||
  networkUsers(stacks).every(({ spec }) => spec.hibernated && !spec.paused);

function runningDatabase(observed: Observed): string | undefined {
  const isRunning =
    observed.pods.some(({ component }) => component === 'database') ||
    ownedBy(observed, 'StatefulSet').some((set) => componentOf(set) === 'database' && replicasOf(set) > 0);
  return isRunning ? 'the database to stop' : undefined;
}
