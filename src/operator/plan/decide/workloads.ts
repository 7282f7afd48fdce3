import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import {
  type ConditionType,
  WORKLOADS_CONDITIONS,
  type WorkloadsCondition,
} from '../../resource/conditions.ts';
import type { PlanEntry } from '../../resource/status.ts';
import { annotations, generatedSecretNames, names } from '../facts/names.ts';
import { type Observed, ownedBy } from '../facts/observed.ts';
import { type PinnedRelease, type ReleaseImages, releaseOf } from '../facts/release.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import { type Child, childKey } from '../render/child.ts';
import { changedInputs } from '../render/fingerprint.ts';
import { issuedCertificate, podMonitor } from '../render/integrations.ts';
import { managedDatabase } from '../render/managedDatabase.ts';
import { networkProcess, networkUsers } from '../render/networkProcess.ts';
import type { StackPods } from '../render/nodeInputs.ts';
import { schemaJob } from '../render/schemaJob.ts';
import { disruptionBudgets, mediaClaim, serviceAccount, services } from '../render/surroundings.ts';
import { webapps } from '../render/webapps.ts';
import { unmet, type Verdict, waitingFor } from '../tell/conditions.ts';
import {
  databaseProblem,
  isComplete,
  judgeDatabase,
  judgeSchema,
  judgeSpec,
  judgeWorkloads,
  lostSecrets,
  numberInUse,
} from '../tell/workloadChecks.ts';
import { applied, merged } from './applied.ts';
import { leftovers } from './leftovers.ts';
import { planNodeSlots } from './nodeSlots.ts';
import type { RollPolicy } from './rollout.ts';

/** The changes of a step, and the condition that it reports. */
interface StepPlan<T extends ConditionType = ConditionType> {
  readonly verdict: Verdict<T>;
  /** Applied in this order. */
  readonly apply: readonly Child[];
  /** Objects to delete; later steps wait until they are gone. */
  readonly remove: readonly KubeObject[];
  readonly waiting: readonly PlanEntry[];
  /** Running pods must restart, or are restarting. */
  readonly rolls: boolean;
  /** Whether the steps after this one may run. */
  readonly open: boolean;
}

/** A step, and the condition that turns False if one of its objects cannot be applied. */
type BlamedStep = StepPlan<WorkloadsCondition> & { readonly blames: WorkloadsCondition };

/** The changes to a stack's Kubernetes objects, and the conditions that describe them. */
export interface WorkloadPlan {
  /** Secrets to generate. A Secret that was generated once is never generated again. */
  readonly generate: readonly string[];
  /** The release that the stack runs, written to the journal before anything is applied. */
  readonly release: PinnedRelease | undefined;
  readonly steps: readonly BlamedStep[];
}

/** Whether running pods must restart, or are restarting. */
export const restarts = ({ steps }: WorkloadPlan): boolean => steps.some(({ rolls }) => rolls);

/** What all steps work with. */
interface Run {
  readonly observed: Observed;
  readonly offered: ReleaseImages;
  readonly release: PinnedRelease;
  readonly policy: RollPolicy;
  readonly generate: readonly string[];
  /** Children that several steps look at, rendered once. */
  readonly pods: StackPods;
  readonly job: Child;
  readonly surroundings: readonly Child[];
  readonly database: readonly Child[];
}

/** The steps of the workloads controller in their order, one for each condition that it reports. */
const STEPS: { readonly [T in WorkloadsCondition]: (run: Run) => StepPlan<T> } = {
  SpecValid: planSurroundings,
  DatabaseReady: planDatabase,
  SchemaReady: planSchema,
  WorkloadsReady: planNodes,
};

/** A pure function. If a step is not open, the steps after it wait. */
export function planWorkloads(observed: Observed, offered: ReleaseImages): WorkloadPlan {
  const { resource, journal, children } = observed;
  const release = releaseOf(resource, journal?.release, offered);
  const immediately = resource.spec.upgrade.operatorChanges === 'Immediately';
  const missing = generatedSecretNames(resource).filter((name) => !children.has(`Secret/${name}`));
  const generate = lostSecrets(observed).length > 0 ? [] : missing;
  const pods = podsOf(observed, release);
  const run: Run = {
    pods,
    job: schemaJob(pods),
    surroundings: surroundings(resource),
    database: managedDatabase(resource, release),
    observed,
    offered,
    release,
    policy: { immediately, mayRoll: observed.mayRoll },
    generate,
  };
  return { generate, release, steps: runSteps((type) => STEPS[type](run)) };
}

function runSteps(step: (type: WorkloadsCondition) => StepPlan<WorkloadsCondition>): BlamedStep[] {
  let closed: WorkloadsCondition | undefined;
  return WORKLOADS_CONDITIONS.map((type) => {
    // The first step also applies the surroundings of the pods; a failure there does not make the spec invalid.
    const blames = type === 'SpecValid' ? 'WorkloadsReady' : type;
    if (closed) return { ...NOTHING, blames, verdict: waitingFor(type, closed) };
    const plan = step(type);
    if (!plan.open) closed = type;
    return { ...plan, blames };
  });
}

const NOTHING = { apply: [], remove: [], waiting: [], rolls: false, open: false } as const;

/** Objects around the pods; this step waits for nothing. */
function planSurroundings({ observed, offered, policy, ...run }: Run): StepPlan<'SpecValid'> {
  const { resource, stacks } = observed;
  const verdict = judgeSpec(observed);
  // While a generated Secret is lost, change nothing of the stack.
  if (lostSecrets(observed).length > 0) return { ...NOTHING, verdict, open: true };
  // Stacks share the process: a change by a new operator version rolls immediately if any of them says so.
  const immediately = networkUsers(stacks).some(({ spec }) => spec.upgrade.operatorChanges === 'Immediately');
  const network = networkProcess(resource, stacks, offered.stack);
  return {
    ...merged(
      applied(run.surroundings, observed, policy),
      applied(network, observed, { ...policy, immediately }),
    ),
    remove: [],
    verdict,
    open: true,
  };
}

const surroundings = (resource: Observed['resource']): Child[] => [
  serviceAccount(resource),
  ...services(resource),
  ...disruptionBudgets(resource),
  ...mediaClaim(resource),
  ...issuedCertificate(resource),
  ...podMonitor(resource),
];

function planDatabase({ observed, policy, generate, ...run }: Run): StepPlan<'DatabaseReady'> {
  const problem = databaseProblem(observed);
  if (problem) return { ...NOTHING, verdict: problem };
  if (generate.length > 0)
    return { ...NOTHING, verdict: unmet('DatabaseReady', 'Creating', 'creating the Secrets of the stack') };
  const job = observed.children.get(childKey(run.job.object));
  const verdict = judgeDatabase(observed, judgeSchema(job));
  return {
    ...applied(run.database, observed, policy),
    remove: [],
    verdict,
    // Only the schema Job shows whether an external database is reachable.
    open: verdict.status === 'True' || !observed.resource.spec.database.managed,
  };
}

/** Jobs are immutable: an existing Job is left alone, or replaced if it has not completed and its inputs changed. */
function planSchema({ observed, job }: Run): StepPlan<'SchemaReady'> {
  const live = observed.children.get(childKey(job.object));
  const verdict = judgeSchema(live);
  const note = (object: KubeObject | undefined) => object?.metadata.annotations?.[annotations.inputs];
  const changed = changedInputs(note(live), note(job.object), job.inputNames) ?? [];
  const isStale = live !== undefined && !isComplete(live) && changed.length > 0;
  const others = ownedBy(observed, 'Job').filter(
    ({ metadata }) => metadata.name !== job.object.metadata.name,
  );
  return {
    ...NOTHING,
    apply: live ? [] : [job],
    remove: [...(isStale ? [live] : []), ...(isComplete(live) ? others : [])],
    verdict,
    open: verdict.status === 'True',
  };
}

function planNodes({ observed, offered, release, policy, pods, ...run }: Run): StepPlan<'WorkloadsReady'> {
  const { resource } = observed;
  const slots = planNodeSlots(observed, pods, numberInUse(observed) !== undefined, policy);
  const web = webapps(pods);
  const { apply, waiting, rolls } = merged(slots, applied([web], observed, policy));
  const declared = [...run.surroundings, ...run.database, web];
  return {
    apply,
    remove: [...slots.remove, ...leftovers(observed, declared)],
    waiting: [...waiting, ...offer(resource, release, offered)],
    rolls,
    verdict: judgeWorkloads({ observed, switching: slots.switching }),
    open: true,
  };
}

const podsOf = (observed: Observed, release: PinnedRelease): StackPods => ({
  resource: observed.resource,
  release,
  secrets: secretsHash(observed),
  coreappRestarts: observed.journal?.coreappRestarts ?? 0,
  webappRestarts: observed.journal?.webappRestarts ?? 0,
});

/** Part of the pods' inputs, so that rotated keys restart the pods that read them. */
function secretsHash({ resource, children, referenced }: Observed): string {
  const { secretName, caSecret } = databaseAddress(resource);
  const own = (name: string) => (children.get(`Secret/${name}`) as { data?: unknown } | undefined)?.data;
  return hashOf([
    own(names(resource.metadata.name).keysSecret),
    own(secretName) ?? referenced.get(secretName)?.data,
    ...(caSecret ? [referenced.get(caSecret.name)?.data?.[caSecret.key]] : []),
  ]);
}

/** Reports images of the operator's release that the stack does not run yet. */
function offer({ spec }: Observed['resource'], release: PinnedRelease, offered: ReleaseImages): PlanEntry[] {
  const usesRelease = !(spec.images?.webapp && spec.images.coreapp);
  if (!usesRelease || release.stack === offered.stack) return [];
  return [
    {
      target: 'Image of the stack',
      action: 'Restart',
      reason: `this operator version ships ${offered.stack}; the stack keeps ${release.stack} until spec.version changes or spec.upgrade.operatorChanges is Immediately`,
    },
  ];
}

/** The plan for a namespace that the operator cannot read completely: unread objects are not absent objects. */
export const planUnseen = (missing: readonly string[]): WorkloadPlan => ({
  generate: [],
  release: undefined,
  steps: runSteps(() => ({
    ...NOTHING,
    verdict: unmet('SpecValid', 'NamespaceNotEnabled', missing.join('; ')),
  })),
});
