import type { ContainerRunner } from './containerRunner.ts';
import type { PodSpec } from './podTypes.ts';

export interface PodProgress {
  readonly restartPolicy: NonNullable<PodSpec['restartPolicy']>;
  readonly podIP: string;
  readonly hostIP: string;
  readonly startTime: string;
  readonly isMounted: boolean;
  /** Why volumes are not mounted; empty if nothing is missing. */
  readonly waitingFor: string;
  readonly isInitialised: boolean;
  readonly isReady: boolean;
  readonly initContainers: readonly ContainerRunner[];
  readonly containers: readonly ContainerRunner[];
}

/** The status of a pod, as a kubelet writes it. */
export function podStatus(progress: PodProgress): Record<string, unknown> {
  const { podIP, hostIP, startTime, isReady, waitingFor, initContainers, containers } = progress;
  const conditions = [
    ['PodScheduled', true],
    ['PodReadyToStartContainers', progress.isMounted || waitingFor === ''],
    ['Initialized', progress.isInitialised],
    ['ContainersReady', isReady],
    ['Ready', isReady],
  ] as const;
  return {
    phase: phaseOf(progress),
    podIP,
    podIPs: [{ ip: podIP }],
    hostIP,
    hostIPs: [{ ip: hostIP }],
    startTime,
    conditions: conditions.map(([type, met]) => ({
      type,
      status: met ? 'True' : 'False',
      ...(!met && waitingFor ? { reason: 'FailedMount', message: waitingFor } : {}),
    })),
    initContainerStatuses: initContainers.map((runner) => runner.status()),
    containerStatuses: containers.map((runner) => runner.status()),
  };
}

function phaseOf({ restartPolicy, isInitialised, initContainers, containers }: PodProgress): string {
  const ends = initContainers.filter(({ isSidecar }) => !isSidecar);
  if (ends.some(({ finalExitCode }) => finalExitCode !== undefined && finalExitCode !== 0)) return 'Failed';
  const codes = containers.map(({ finalExitCode }) => finalExitCode);
  if (restartPolicy !== 'Always' && codes.every((code) => code !== undefined)) {
    if (codes.every((code) => code === 0)) return 'Succeeded';
    if (restartPolicy === 'Never') return 'Failed';
  }
  return isInitialised ? 'Running' : 'Pending';
}
