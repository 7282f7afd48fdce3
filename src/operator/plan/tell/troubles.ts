import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { DATABASE_VERDICTS } from '../../../onprem/databaseVerdict.ts';
import type { CommonReason } from '../../resource/conditions.ts';
import { componentOf } from '../facts/names.ts';
import type { Clue, Observation, PodView } from '../facts/observed.ts';
import { databaseCause, plain } from './databaseCause.ts';
import { databaseSays } from './databaseSays.ts';
import { denialIn } from './denial.ts';
import { missingForPod } from './podSecretTroubles.ts';
import { isAwaited } from './questions.ts';
import { withoutSecrets } from './withoutSecrets.ts';

/** Why an object of a stack does not run. */
export interface Trouble {
  readonly component: string;
  readonly reason: CommonReason;
  /** A sentence part that begins with kind and name of the object. */
  readonly text: string;
  /** Epoch ms. */
  readonly sinceMs: number;
}

/**
 * How long a trouble must last before it counts as the cause: the normal course of a start passes through some of them.
 * Others never pass without a change.
 */
const GRACE_MS: Partial<Record<CommonReason, number>> = {
  ClaimUnbound: 30_000,
  CrashLoopBackOff: 30_000,
  CreateContainerConfigError: 10_000,
  CreateContainerError: 10_000,
  FailedCreate: 10_000,
  ImagePullFailed: 5_000,
  SecretMissing: 10_000,
  Unschedulable: 30_000,
  VolumeNotMounted: 30_000,
};

const dueMs = ({ reason, sinceMs }: Trouble): number => sinceMs + (GRACE_MS[reason] ?? 0);

/** The first trouble of these components that has lasted, else the first. */
export function troubleOf(
  observed: Observation & { readonly nowMs: number },
  concerns: (component: string) => boolean,
): (Trouble & { readonly hasLasted: boolean }) | undefined {
  const all = troubles(observed).filter(({ component }) => concerns(component));
  const lasting = all.find((trouble) => dueMs(trouble) <= observed.nowMs);
  const [first] = all;
  return lasting ? { ...lasting, hasLasted: true } : first && { ...first, hasLasted: false };
}

/** Epoch ms when the next trouble will have lasted; undefined if there is none to wait for. */
export function nextTroubleMs(observed: Observation & { readonly nowMs: number }): number | undefined {
  const due = troubles(observed)
    .map(dueMs)
    .filter((ms) => ms > observed.nowMs);
  return due.length === 0 ? undefined : Math.min(...due);
}

/** Whether a reason is an answer of the database, or of the way to it. */
export const isDatabaseReason = (reason: string): boolean =>
  DATABASE_VERDICTS.some((known) => known === reason);

/** Causes before their effects: a pod that does not exist, a volume, then the pods. */
function troubles(observed: Observation): Trouble[] {
  const { children, pods, sharedPods = [] } = observed;
  const objects = [...children.values()];
  return [
    ...objects.flatMap((object) => creationTrouble(object, observed)),
    ...objects.flatMap((object) => claimTrouble(object, observed)),
    ...[...pods, ...sharedPods].flatMap((pod) => secretTrouble(pod, observed)),
    ...[...pods, ...sharedPods].flatMap((pod) => podTrouble(pod, observed)),
  ].map((trouble) => ({ ...trouble, text: withoutSecrets(trouble.text, observed) }));
}

const clueOf = ({ clues }: Observation, uid = ''): Clue => clues?.get(uid) ?? {};
const createdMs = ({ metadata }: KubeObject): number => Date.parse(metadata.creationTimestamp ?? '') || 0;

type Controller = KubeObject & {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
      readonly lastTransitionTime?: string;
    }[];
  };
};

/** A Deployment says in its status why it cannot create pods; StatefulSets and Jobs say it only in events. */
function creationTrouble(object: KubeObject, observed: Observation): Trouble[] {
  const { kind, metadata } = object;
  if (metadata.deletionTimestamp) return [];
  const failure = (object as Controller).status?.conditions?.find(
    ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
  );
  const warning = clueOf(observed, metadata.uid).warnings?.find(({ reason }) => reason === 'FailedCreate');
  const message = failure?.message ?? warning?.message;
  if (message === undefined || !['Deployment', 'StatefulSet', 'Job'].includes(kind)) return [];
  return [
    {
      component: componentOf(object),
      reason: denialIn(message) ?? 'FailedCreate',
      text: `${kind} ${metadata.name} cannot create its pod: ${message}`,
      sinceMs: Date.parse(failure?.lastTransitionTime ?? '') || createdMs(object),
    },
  ];
}

type Claim = KubeObject & {
  readonly spec?: { readonly storageClassName?: string };
  readonly status?: { readonly phase?: string };
};

function claimTrouble(object: KubeObject, observed: Observation): Trouble[] {
  const { kind, metadata, spec, status } = object as Claim;
  const isUnbound = ['Pending', 'Lost'].includes(status?.phase ?? '') && !metadata.deletionTimestamp;
  if (kind !== 'PersistentVolumeClaim' || !isUnbound) return [];
  const storageClass = spec?.storageClassName;
  const from = storageClass
    ? `StorageClass ${storageClass}`
    : 'no StorageClass, because the cluster has no default';
  const [warning] = clueOf(observed, metadata.uid).warnings ?? [];
  // Such a claim waits for its pod, and the scheduler says what the pod waits for.
  if (warning?.reason.startsWith('WaitFor')) return [];
  const says = warning ? `: ${warning.message}` : '';
  return [
    {
      component: componentOf(object),
      reason: 'ClaimUnbound',
      text: `PersistentVolumeClaim ${metadata.name} (${from}) is ${status?.phase === 'Lost' ? 'lost: its volume is gone' : 'not bound'}${says}`,
      sinceMs: createdMs(object),
    },
  ];
}

function secretTrouble(pod: PodView, observed: Observation): Trouble[] {
  const text = missingForPod(pod, observed);
  if (text === undefined) return [];
  return [{ component: pod.component, reason: 'SecretMissing', text, sinceMs: pod.createdMs }];
}

function podTrouble(pod: PodView, observed: Observation): Trouble[] {
  const { name, component, problem, runningSinceMs, createdMs: sinceMs } = pod;
  if (!isAwaited(pod)) return [];
  const { lines = [], warnings = [] } = clueOf(observed, pod.uid);
  const cause = databaseCause(lines);
  if (cause && (problem === undefined || problem.reason === 'CrashLoopBackOff')) {
    const text = `${databaseSays(cause.reason, observed.resource)} (Pod ${name} printed: ${cause.line})`;
    return [{ component, reason: cause.reason, text, sinceMs: runningSinceMs ?? sinceMs }];
  }
  if (problem) {
    const last = lines.at(-1);
    const printed = problem.reason === 'CrashLoopBackOff' && last ? `; it printed last: ${plain(last)}` : '';
    const text = `Pod ${name}: ${problem.text}${printed}`;
    return [{ component, reason: problem.reason, text, sinceMs: problem.sinceMs }];
  }
  if (runningSinceMs !== undefined) return [];
  const [held] = warnings.filter(({ reason }) => /^Failed/.test(reason) && reason !== 'FailedScheduling');
  if (!held) return [];
  const isVolume = /^Failed(Mount|AttachVolume|MapVolume)$/.test(held.reason);
  const what = isVolume ? 'a volume cannot be mounted' : 'the node cannot start it';
  return [
    {
      component,
      reason: isVolume ? 'VolumeNotMounted' : 'CreateContainerError',
      text: `Pod ${name}: ${what}: ${held.message}`,
      sinceMs,
    },
  ];
}
