import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { isOfJob, labels, podOfSet } from '../facts/names.ts';
import type { Observation, PodView } from '../facts/observed.ts';

/** Something that only a log or the events of an object tell. */
export type Question = {
  /** Of the object that the answer is about. */
  readonly uid: string;
  readonly name: string;
  /** Epoch ms from when on the question is worth a request. */
  readonly dueMs: number;
} & (
  | { readonly ask: 'log'; readonly container: string | undefined; readonly previous: boolean }
  | { readonly ask: 'warnings' }
);

/** How long the normal course of things takes before the operator asks. */
const PATIENCE_MS = { object: 5_000, job: 5_000, creating: 15_000, notReady: 20_000 } as const;

type Claim = KubeObject & { readonly status?: { readonly phase?: string } };
type Ended = KubeObject & {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
};

/** What to ask about a stack whose objects do not run. A stack that runs has no questions. */
export function questionsOf(observed: Observation): Question[] {
  const { pods, sharedPods = [], children } = observed;
  const objects = [...children.values()].filter(({ metadata }) => !metadata.deletionTimestamp);
  return [
    ...objects.filter((object) => isMissed(object, pods)).map((object) => aboutWarnings(object)),
    ...[...pods, ...sharedPods].filter(isAwaited).flatMap(aboutPod),
  ];
}

/** The pod of a Job is ready as soon as it runs, and is done only when it has ended. */
export const isAwaited = ({ ready, terminating, component }: PodView): boolean =>
  !terminating && (!ready || isOfJob(component));

/** An object that waits for what Kubernetes should have made for it: a pod, or a volume. */
function isMissed(object: KubeObject, pods: readonly PodView[]): boolean {
  const { kind, metadata } = object;
  if (kind === 'PersistentVolumeClaim') return (object as Claim).status?.phase === 'Pending';
  if (kind === 'StatefulSet') {
    const { replicas = 1 } = (object.spec ?? {}) as { replicas?: number };
    return replicas > 0 && !pods.some(({ name }) => name === podOfSet(metadata.name));
  }
  if (kind !== 'Job') return false;
  const ended = (object as Ended).status?.conditions?.some(({ status }) => status === 'True');
  return !ended && !pods.some(({ component }) => component === metadata.labels?.[labels.component]);
}

const aboutWarnings = ({ metadata }: KubeObject): Question => ({
  ask: 'warnings',
  uid: metadata.uid ?? '',
  name: metadata.name,
  dueMs: (Date.parse(metadata.creationTimestamp ?? '') || 0) + PATIENCE_MS.object,
});

function aboutPod(pod: PodView): Question[] {
  const { uid, name, component, container, problem, runningSinceMs, createdMs } = pod;
  if (problem?.reason === 'CrashLoopBackOff')
    // While the container runs again, the log before that run holds its end.
    return [{ ask: 'log', uid, name, container, previous: runningSinceMs !== undefined, dueMs: 0 }];
  if (problem) return [];
  if (runningSinceMs === undefined)
    return container === undefined && isOfJob(component)
      ? []
      : [{ ask: 'warnings', uid, name, dueMs: createdMs + PATIENCE_MS.creating }];
  const patience = isOfJob(component) ? PATIENCE_MS.job : PATIENCE_MS.notReady;
  return [{ ask: 'log', uid, name, container, previous: false, dueMs: runningSinceMs + patience }];
}
