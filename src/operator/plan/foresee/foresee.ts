import { hashOf } from '../../../engine/kube/ownFields.ts';
import type { PlanEntry } from '../../resource/status.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { changePolicy } from '../decide/changePolicy.ts';
import { reshardingHold } from '../decide/resharding.ts';
import { planWorkloads, type WorkloadPlan } from '../decide/workloads.ts';
import { EMPTY_JOURNAL, type Journal } from '../facts/journal.ts';
import { isPlanOnly } from '../facts/names.ts';
import type { ApiObservation, Observed } from '../facts/observed.ts';
import { looksRegistered } from '../facts/registered.ts';
import type { ReleaseImages } from '../facts/release.ts';
import { COUNTERS } from '../facts/restartTopics.ts';
import { named, restoreStage } from '../facts/restoreStage.ts';
import { childKey } from '../render/child.ts';
import { Diary } from './diary.ts';
import type { Forecast, ForecastEntry } from './forecast.ts';
import { foreseenCalls, RESHARD } from './foreseenCalls.ts';
import { modelApi, type NumberState } from './modelApi.ts';
import { ModelCluster } from './modelCluster.ts';

export interface ForeseeInput {
  /** Today's cluster with the new resource, which is also among the `stacks`. */
  readonly observed: Observed;
  /** Images of the operator's release. */
  readonly offered: ReleaseImages;
  /** The stored resource: it tells which fields of objects go. */
  readonly before?: WhatsAppDeployment | undefined;
  /** Names of Secrets whose content is unknown. */
  readonly hidden?: ReadonlySet<string>;
  /** Sentences for what could not be looked at. */
  readonly unseen?: readonly string[];
}

/** Longer than any stack takes: each round restarts a pod, or writes what is due. */
const MOST_ROUNDS = 400;

/**
 * Predicts everything that follows until the stack has settled: the plan is made again and again against a model that
 * carries out each plan at once. Approval and maintenance window are taken as given, and named in `waits`.
 */
export function foresee(input: ForeseeInput): Forecast {
  const { offered, before, hidden = new Set<string>(), unseen = [] } = input;
  const { observed, waits: restores } = afterRestore(input.observed);
  const { resource, nowMs } = observed;
  const cluster = new ModelCluster(observed);
  const diary = new Diary(cluster, rendered(input));
  const free = withoutWaits(observed);
  let number = numberOf(observed);
  let api: ApiObservation | undefined = modelApi(resource, cluster.pods, observed, number, nowMs);
  let plan: WorkloadPlan | undefined;
  let waits: readonly PlanEntry[] = [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { children, pods, journal } = cluster;
    const seen = { ...free, children, pods, journal, api, mayRoll: true };
    plan = planWorkloads(seen, offered);
    cluster.carryOut(plan, free.resource);
    const isFurther = hashOf([journal.passwordRotation]) !== hashOf([cluster.journal.passwordRotation]);
    const isWritten = diary.note(plan) || isFurther;
    const known = { api, pods };
    api = modelApi(resource, cluster.pods, known, number, nowMs);
    // The operator writes objects at once, and calls the API only when it looks at the stack the next time: a Coreapp
    // for a number of shards that is about to shrink is there before the call that shrinks it.
    if (isWritten || plan.generate.length > 0) continue;
    if (!api) break;
    const look = { ...seen, ...viewOf(cluster), api };
    const foreseen = foreseenCalls({ observed: look, number, hidden, nowMs });
    diary.calls(foreseen.calls, raised(cluster.journal, foreseen.journal));
    cluster.journal = foreseen.journal;
    number = foreseen.number;
    waits = foreseen.waits;
    api = modelApi(resource, cluster.pods, { api, pods: cluster.pods }, number, nowMs);
    if (foreseen.calls.length === 0) break;
  }
  const entries = diary.entries();
  return {
    namespace: resource.metadata.namespace,
    name: resource.metadata.name,
    entries,
    waits: [...restores, ...waitsOf(observed, entries, before), ...(plan ? leftOf(plan) : []), ...waits],
    unseen,
  };
}

/** The roles whose pods must restart. */
const raised = (before: Journal, after: Journal): string[] =>
  Object.entries(COUNTERS).flatMap(([role, counter]) => (after[counter] > before[counter] ? [role] : []));

const viewOf = ({ children, pods, journal }: ModelCluster) => ({ children, pods, journal });

/** What the stored resource made the operator render, by `Kind/name`. */
function rendered({ observed, offered, before }: ForeseeInput) {
  if (!before) return new Map();
  const { uid } = before.metadata;
  const stacks = observed.stacks.map((stack) => (stack.metadata.uid === uid ? before : stack));
  const { steps } = planWorkloads({ ...observed, resource: before, stacks }, offered);
  return new Map(steps.flatMap(({ apply }) => apply.map(({ object }) => [childKey(object), object])));
}

/** The observation as if the user approved everything now. */
function withoutWaits(observed: Observed): Observed {
  const { resource } = observed;
  const upgrade = { ...resource.spec.upgrade, mode: 'Automatic' as const, window: undefined };
  return { ...observed, resource: { ...resource, spec: { ...resource.spec, upgrade } } };
}

/** The stack as it begins with its backup: registered, and otherwise as if it had restored everything. */
function afterRestore(observed: Observed): {
  readonly observed: Observed;
  readonly waits: readonly PlanEntry[];
} {
  const { resource } = observed;
  const stage = restoreStage(observed);
  if (!stage || stage.at === 'Refused' || stage.at === 'Media') return { observed, waits: [] };
  const { restoreFrom: _, ...registration } = resource.spec.registration;
  const { restore: __, ...journal } = observed.journal ?? EMPTY_JOURNAL;
  const reason = `first the operator restores backup ${named(stage.at === 'Secrets' ? stage.choice : stage.entry)}, unless it does not fit spec; number, Secrets, users, settings and messages are then those of the backup`;
  return {
    observed: {
      ...observed,
      resource: { ...resource, spec: { ...resource.spec, registration } },
      journal: {
        ...journal,
        number: resource.spec.phoneNumber,
        registration: { attempt: registration.attempt, phase: 'registered' },
      },
    },
    waits: [
      {
        target: `WhatsAppDeployment/${resource.metadata.name}`,
        action: 'Restore',
        reason: reason.slice(0, 1024),
      },
    ],
  };
}

/** A number that the operator registered counts as registered while the API does not answer. */
function numberOf({ resource, api, journal }: Observed): NumberState {
  const known = api && looksRegistered(api);
  const isRegistered = known ?? journal?.registration?.phase === 'registered';
  return { isRegistered, shards: api?.shards ?? resource.status?.shards?.desired ?? 1 };
}

/** What keeps the operator from acting now. */
function waitsOf(
  observed: Observed,
  entries: readonly ForecastEntry[],
  before: WhatsAppDeployment | undefined,
): PlanEntry[] {
  const { resource, nowMs } = observed;
  const target = `WhatsAppDeployment/${resource.metadata.name}`;
  const all = (reason: string): PlanEntry => ({ target, action: 'All', reason });
  const { forbidden, handsOff } = changePolicy({ ...observed, mayRoll: true });
  const waitingFor = forbidden ?? handsOff;
  const isDue = entries.some(({ action }) => action === 'Restart') && before !== undefined;
  const resharding = entries.some(({ action, target: called }) => action === 'Call' && called === RESHARD)
    ? reshardingHold(observed, nowMs)
    : undefined;
  return [
    ...(resource.spec.paused ? [all('spec.paused is true: everything waits until it is false')] : []),
    ...(resource.spec.hibernated
      ? [all('spec.hibernated is true: all pods stop, and changes of spec take effect at waking')]
      : []),
    ...(isPlanOnly(resource)
      ? [all('the annotation waba-operator.dev/plan is "only": everything waits until it is removed')]
      : []),
    ...(waitingFor && isDue
      ? [{ target, action: 'Restart', reason: `pods wait for ${waitingFor}`.slice(0, 1024) }]
      : []),
    ...(resharding
      ? [
          {
            target,
            action: 'Call',
            reason: `the number of shards waits for ${resharding.waitingFor}`.slice(0, 1024),
          },
        ]
      : []),
  ];
}

/** What the operator will not have done in the end: held changes, refused ones, what a person must mend. */
const leftOf = ({ steps, rollout }: WorkloadPlan): PlanEntry[] => [
  ...steps.flatMap(({ verdict: { type, status, reason, message } }) =>
    status === 'True' || reason === 'Waiting' || reason === 'Hibernated'
      ? []
      : [{ target: type, action: reason, reason: message.slice(0, 1024) }],
  ),
  ...(rollout?.stopped ? [{ target: 'WorkloadsReady', action: 'Restart', reason: rollout.stopped }] : []),
  ...steps.flatMap(({ waiting }) => waiting),
];
