import type * as z from 'zod';
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
  return {
    // The program prints its result too, for nodes that pass no message on.
    result: end && lastLine(backupResult, end.message ?? logOfAgent),
    problem: pod && podProblem(pod)?.problem,
    progress: lastLine(progressLine, logOfAgent),
  };
}

/** The pod whose log tells how far the Job is, or how it ended if its status does not. */
export function workingPod(pods: readonly PodObject[]): PodObject | undefined {
  const pod = newest(pods);
  const { running, terminated } = agentOf(pod)?.state ?? {};
  return running || (terminated && terminated.message === undefined) ? pod : undefined;
}

const agentOf = (pod: PodObject | undefined) =>
  pod?.status?.containerStatuses?.find(({ name }) => name === CONTAINERS.agent);

export const newest = (pods: readonly PodObject[]): PodObject | undefined =>
  [...pods].sort((a, b) =>
    (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''),
  )[0];

/** The last line that is of a form. */
function lastLine<T>(form: z.ZodType<T>, text: string | undefined): T | undefined {
  const lines = (text ?? '').trimEnd().split('\n').reverse();
  for (const line of lines) {
    const { data } = form.safeParse(safeJson(line));
    if (data) return data;
  }
  return undefined;
}
