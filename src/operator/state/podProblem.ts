import type { PodProblem, PodTrouble } from '../plan/facts/observed.ts';
import type { ContainerStatus, PodObject } from './podObject.ts';

interface FoundProblem {
  readonly problem: PodProblem;
  /** The container that the problem concerns; undefined if it concerns the whole pod. */
  readonly container: ContainerStatus | undefined;
}

/** Reasons for which the kubelet does not start a container. Two of them are normal at the start of every pod. */
const STARTS = ['PodInitializing', 'ContainerCreating'];
const WAITING: Readonly<Record<string, PodTrouble>> = {
  ErrImagePull: 'ImagePullFailed',
  ErrImageNeverPull: 'ImagePullFailed',
  ImageInspectError: 'ImagePullFailed',
  ImagePullBackOff: 'ImagePullFailed',
  InvalidImageName: 'ImagePullFailed',
  RegistryUnavailable: 'ImagePullFailed',
  SignatureValidationFailed: 'ImagePullFailed',
  CrashLoopBackOff: 'CrashLoopBackOff',
  CreateContainerConfigError: 'CreateContainerConfigError',
};

export const isHeldUp = ({ state }: ContainerStatus): boolean =>
  state?.waiting?.reason !== undefined && !STARTS.includes(state.waiting.reason);

/** Why a pod cannot run, if it cannot: what the scheduler, the kubelet or an eviction wrote into its status. */
export function podProblem(pod: PodObject): FoundProblem | undefined {
  if (pod.metadata.deletionTimestamp || conditionOf(pod, 'Ready')?.status === 'True') return undefined;
  return gone(pod) ?? unscheduled(pod) ?? unmounted(pod) ?? heldUp(pod);
}

const conditionOf = ({ status }: PodObject, type: string) =>
  status?.conditions?.find((condition) => condition.type === type);

const since = (pod: PodObject, type: string): number =>
  Date.parse(conditionOf(pod, type)?.lastTransitionTime ?? pod.metadata.creationTimestamp ?? '') || 0;

/** An evicted pod stays as an object until somebody deletes it. */
function gone(pod: PodObject): FoundProblem | undefined {
  const { phase, reason, message = '' } = pod.status ?? {};
  if (phase !== 'Failed' || reason === undefined) return undefined;
  const text = `${reason}: ${message}`;
  return { problem: { reason: 'Evicted', text, sinceMs: since(pod, 'Ready') }, container: undefined };
}

function unscheduled(pod: PodObject): FoundProblem | undefined {
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status !== 'False') return undefined;
  const text = `no node takes it: ${scheduled.message ?? scheduled.reason ?? 'the scheduler gives no reason'}`;
  const sinceMs = since(pod, 'PodScheduled');
  return { problem: { reason: 'Unschedulable', text, sinceMs }, container: undefined };
}

function unmounted(pod: PodObject): FoundProblem | undefined {
  const mounted = conditionOf(pod, 'PodReadyToStartContainers');
  if (mounted?.status !== 'False' || mounted.reason !== 'FailedMount') return undefined;
  const text = `a volume cannot be mounted: ${mounted.message}`;
  const sinceMs = since(pod, 'PodReadyToStartContainers');
  return { problem: { reason: 'VolumeNotMounted', text, sinceMs }, container: undefined };
}

function heldUp(pod: PodObject): FoundProblem | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  for (const container of [...initContainerStatuses, ...containerStatuses]) {
    const found = troubleOf(container);
    if (found) return { problem: { ...found, sinceMs: since(pod, 'Ready') }, container };
  }
  return undefined;
}

function troubleOf(container: ContainerStatus): Omit<PodProblem, 'sinceMs'> | undefined {
  const { name, state, lastState, restartCount = 0 } = container;
  const waiting = isHeldUp(container) ? state?.waiting : undefined;
  const trouble =
    waiting?.reason === undefined ? undefined : (WAITING[waiting.reason] ?? 'CreateContainerError');
  // A container that ends again and again runs for moments in between.
  const ended = state?.terminated ?? lastState?.terminated;
  const hasFailed = ended !== undefined && ended.exitCode !== 0;
  if (hasFailed && ended.reason === 'OOMKilled')
    return {
      reason: 'OOMKilled',
      text: `container ${name} used more memory than its limit and was killed (${times(restartCount)})`,
    };
  if (trouble === 'CrashLoopBackOff' || (trouble === undefined && hasFailed && restartCount > 1))
    return {
      reason: 'CrashLoopBackOff',
      text: `container ${name} ended with exit code ${ended?.exitCode ?? 'unknown'} (${times(restartCount)})${ended?.message ? `: ${ended.message.trim()}` : ''}`,
    };
  if (trouble === undefined) return undefined;
  const said = [waiting?.reason, waiting?.message].filter(Boolean).join(': ');
  return { reason: trouble, text: `container ${name}: ${said}` };
}

const times = (restarts: number): string => (restarts === 1 ? '1 restart' : `${restarts} restarts`);
