import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { PlanEntry } from '../../resource/status.ts';
import { annotations } from '../facts/names.ts';
import type { Observed, PodView } from '../facts/observed.ts';
import { rollsByItself } from '../facts/rollsByItself.ts';
import { isLeftToAutoscaler } from '../render/autoscaler.ts';
import { type Child, childKey } from '../render/child.ts';
import type { ChangePolicy } from './changePolicy.ts';
import { asFound, type Difference, differenceOf, listed, noteOf, withChanged } from './difference.ts';
import type { NextRestart, Slot } from './nextRestart.ts';

/** A pod to delete, because it must take another template. */
export interface Restart {
  /** `StatefulSet/NAME` */
  readonly key: string;
  readonly pod: PodView;
  /** Why, as a sentence. */
  readonly reason: string;
}

/** What happens to one child now. */
export interface ChildChange {
  readonly apply?: Child | undefined;
  readonly waiting?: PlanEntry | undefined;
  /** The template waits, but the number of pods does not. */
  readonly scale?: { readonly live: KubeObject; readonly replicas: number } | undefined;
  readonly restart?: Restart | undefined;
  /** Applying the child restarts pods, for this reason. */
  readonly rolls?: string | undefined;
}

/** A child with its live object. */
export interface Judged {
  readonly child: Child;
  readonly key: string;
  readonly live: KubeObject | undefined;
  readonly difference: Difference;
  /** The child must change, and the change restarts pods. */
  readonly wants: boolean;
  /** What the child waits for before it may change at all. */
  readonly held?: string;
}
/** Judges a child against its live object. */
export const judgeWith =
  ({ children }: Observed) =>
  (wanted: Child, { immediately }: { readonly immediately: boolean }): Judged => {
    const key = childKey(wanted.object);
    const live = children.get(key);
    const child = immediately ? wanted : asFound(wanted, live);
    const difference = differenceOf(child, live);
    const wants = difference.is === 'inputs' || (difference.is === 'rendering' && immediately);
    return { child, key, live, difference, wants };
  };

export const replicasOf = ({ spec }: KubeObject): number =>
  (spec as { replicas?: number } | undefined)?.replicas ?? 1;

/** Whose turn it is among the Deployments. */
export interface FleetTurn {
  /** The Deployment whose template is written now. */
  readonly write?: Judged;
  readonly turn?: Judged;
  readonly waitingFor?: string | undefined;
}

/** What happens to one child now. */
export function changeOf(
  judged: Judged & { readonly slot?: Slot | undefined },
  run: { readonly policy: ChangePolicy; readonly decision: NextRestart; readonly fleet: FleetTurn },
): ChildChange {
  const { child, live, difference, wants, slot } = judged;
  const { policy, decision, fleet } = run;
  const isSet = !rollsByItself(child.object);
  // A missing node is not made before its schema is.
  if (judged.held !== undefined && !live) return {};
  if (!('fields' in difference)) {
    const changed = live && noteOf(live, annotations.changed);
    return { apply: withChanged(child, changed), ...restartOf(judged, decision, changed) };
  }
  const { fields } = difference;
  if (!wants)
    return {
      waiting: { ...waits(judged, HELD(listed(fields))), operatorChange: true },
      scale: scaleOf(judged),
    };
  if (judged.held !== undefined)
    return { waiting: waits(judged, CHANGED(listed(fields), judged.held)), scale: scaleOf(judged) };
  // Without a pod that runs, the new template interrupts nothing.
  const isFree = isSet && policy.refused === undefined && (!slot?.pod || slot.pod.stuck);
  if (isSet ? policy.forbidden === undefined || isFree : fleet.write?.key === judged.key) {
    const older = slot?.state === 'Outdated' && live ? noteOf(live, annotations.changed) : undefined;
    const changed = [...new Set([...fields, ...(older?.split(',') ?? [])])].join(',');
    return {
      apply: withChanged(child, changed),
      // The pod of a set restarts in a later pass.
      waiting: isSet && !isFree ? waits(judged, CHANGED(listed(fields), 'its turn')) : undefined,
      rolls: isSet ? undefined : `${listed(fields)} changed`,
    };
  }
  const waitingFor = policy.forbidden ?? (fleet.turn === judged ? fleet.waitingFor : undefined) ?? 'its turn';
  return { waiting: waits(judged, CHANGED(listed(fields), waitingFor)), scale: scaleOf(judged) };
}

/** Why a restart waits: `what` names the fields that differ. */
const HELD = (what: string) =>
  `the new operator version renders ${what} differently; held until the next restart (spec.upgrade.operatorChanges: Immediately restarts now)`;
const CHANGED = (what: string, waitingFor: string) => `${what} changed; waits for ${waitingFor}`;

const waits = ({ key }: Judged, reason: string): PlanEntry => ({
  target: key,
  action: 'Restart',
  reason: reason.slice(0, 1024),
});

/** Whether the pod of an up-to-date set restarts now, or waits. */
function restartOf(
  judged: Judged & { readonly slot?: Slot | undefined },
  { repair, next, turn, waitingFor }: NextRestart,
  changed: string | undefined,
): Pick<ChildChange, 'restart' | 'waiting'> {
  const { slot, key } = judged;
  if (!slot?.pod) return {};
  const what = `${listed(changed?.split(',') ?? [])} changed`;
  const restart = (reason: string) => ({ restart: { key, pod: slot.pod as PodView, reason } });
  if (repair.includes(slot)) return restart(`it is not running, and ${what}`);
  if (next === slot) return restart(what);
  if (slot.state !== 'Outdated') return {};
  return {
    waiting: waits(judged, `${what}; waits for ${turn === slot && waitingFor ? waitingFor : 'its turn'}`),
  };
}

function scaleOf({ child, live }: Judged): ChildChange['scale'] {
  if (!live || child.object.kind !== 'Deployment' || isLeftToAutoscaler(child.object)) return undefined;
  const replicas = replicasOf(child.object);
  return replicasOf(live) === replicas ? undefined : { live, replicas };
}
