import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { annotations, labels } from '../plan/facts/names.ts';
import type { PodView } from '../plan/facts/observed.ts';
import type { PodObject } from './podObject.ts';
import { isHeldUp, podProblem } from './podProblem.ts';

/** The fields of a pod that the plan reads. */
export function podView(pod: PodObject): PodView {
  const { metadata, status } = pod;
  const found = podProblem(pod);
  const container =
    found?.container ?? status?.containerStatuses?.find(({ state }) => state?.running ?? state?.waiting);
  const startedAt = container?.state?.running?.startedAt;
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    revision: metadata.labels?.['controller-revision-hash'],
    version: metadata.labels?.[labels.version],
    component: metadata.labels?.[labels.component] ?? '',
    topology: metadata.labels?.[labels.topology],
    ready: readyCondition(pod)?.status === 'True',
    stuck: isStuck(pod),
    terminating: metadata.deletionTimestamp !== undefined,
    ip: status?.podIP,
    restarts: metadata.annotations?.[annotations.restarts],
    databaseTls: metadata.annotations?.[annotations.databaseTls] !== undefined,
    problem: found?.problem,
    container: container?.name,
    runningSinceMs: startedAt === undefined ? undefined : Date.parse(startedAt),
    createdMs: createdMs(pod),
  };
}

const createdMs = ({ metadata: { creationTimestamp } }: KubeObject): number =>
  creationTimestamp === undefined ? 0 : Date.parse(creationTimestamp);

const readyCondition = ({ status }: PodObject) => status?.conditions?.find(({ type }) => type === 'Ready');

/** Never ready yet, or unable to run. A pod that was ready once and runs may be ready again in a moment. */
function isStuck(pod: PodObject): boolean {
  const ready = readyCondition(pod);
  if (ready?.status === 'True') return false;
  const statuses = pod.status?.containerStatuses ?? [];
  if (statuses.length === 0 || statuses.some(isHeldUp)) return true;
  const { started, restartCount = 0, state } = statuses[0] ?? {};
  if (restartCount > 0) return false;
  if (started !== true) return true;
  // Ready has been False since before the container started, so it was never True.
  const [since, startedAt] = [ready?.lastTransitionTime, state?.running?.startedAt];
  return since !== undefined && startedAt !== undefined && Date.parse(since) <= Date.parse(startedAt);
}
