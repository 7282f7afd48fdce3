import { backupResult, CONTAINERS, progressLine } from '../../backup/contract/contract.ts';
import { safeJson } from '../../base/safeJson.ts';
import type { JobReport } from '../plan/decide/backupStep.ts';
import type { PodObject } from '../state/podObject.ts';
import { podProblem } from '../state/podProblem.ts';

/** What the newest pod of a Job tells: a Job that tries again has several. */
export function jobReport(pods: readonly PodObject[], logOfAgent: string | undefined): JobReport {
  const pod = newest(pods);
  const { state, lastState } = agentOf(pod) ?? {};
  const end = state?.terminated ?? lastState?.terminated;
  // A kubelet without a termination message leaves the log, whose last line is the same.
  const said = end && (end.message ?? logOfAgent?.trimEnd().split('\n').at(-1));
  return {
    result: said === undefined ? undefined : backupResult.safeParse(safeJson(said)).data,
    problem: pod && podProblem(pod)?.problem,
    progress: lastProgress(logOfAgent),
  };
}

/** The pod whose log tells how far the Job is. */
export function workingPod(pods: readonly PodObject[]): PodObject | undefined {
  const pod = newest(pods);
  return agentOf(pod)?.state?.running ? pod : undefined;
}

const agentOf = (pod: PodObject | undefined) =>
  pod?.status?.containerStatuses?.find(({ name }) => name === CONTAINERS.agent);

export const newest = (pods: readonly PodObject[]): PodObject | undefined =>
  [...pods].sort((a, b) =>
    (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''),
  )[0];

function lastProgress(log: string | undefined): JobReport['progress'] {
  const lines = (log ?? '').trimEnd().split('\n').reverse();
  for (const line of lines) {
    const { data } = progressLine.safeParse(safeJson(line));
    if (data) return data;
  }
  return undefined;
}
