import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import { compareVersions } from '../../../onprem/clientVersion.ts';
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
import { wantedVersion } from '../facts/wantedVersion.ts';
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
import { isComplete, judgeSpec, judgeWorkloads, lostSecrets, numberInUse } from '../tell/workloadChecks.ts';
import { type ChangePolicy, changePolicy } from './changePolicy.ts';
import type { ChildChange, Restart } from './childChange.ts';
import { type Gates, gatesOf, nodesWaitFor } from './gates.ts';
import { leftovers } from './leftovers.ts';
import { type NodeSlotPlan, planNodeSlots } from './nodeSlots.ts';
import { planRollout, type RolloutPlan } from './rollout.ts';
import { isStopping, stopped } from './stopping.ts';

/** Changes to objects. */
interface Changes {
  /** Applied in this order. */
  readonly apply: readonly Child[];
  readonly waiting: readonly PlanEntry[];
  readonly scale: readonly NonNullable<ChildChange['scale']>[];
  /** Pods to delete, so that they take a new template. */
  readonly restart: readonly Restart[];
  /** Children whose new template restarts pods once it is applied, with the reason. */
  readonly rolls: ReadonlyMap<string, string>;
}

/** The changes of a step, and the condition that it reports. */
interface StepPlan<T extends ConditionType = ConditionType> extends Changes {
  readonly verdict: Verdict<T>;
  /** Objects to delete; later steps wait until they are gone. */
  readonly remove: readonly KubeObject[];
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
  /** The newest client version whose schema Job was started, for the journal. */
  readonly schemaVersion: string | undefined;
  readonly rollout: RolloutPlan | undefined;
  readonly steps: readonly BlamedStep[];
}

/** Whether running pods must restart, or are restarting. */
export const restarts = ({ rollout }: WorkloadPlan): boolean => rollout?.isRolling ?? false;

/** What all steps work with. */
interface Run {
  readonly observed: Observed;
  readonly offered: ReleaseImages;
  readonly release: PinnedRelease;
  readonly policy: ChangePolicy;
  readonly gates: Gates;
  readonly slots: NodeSlotPlan;
  readonly rollout: RolloutPlan;
  /** All nodes stop before they take their new templates. */
  readonly isStopping: boolean;
  /** Children that several steps look at, rendered once. */
  readonly job: Child;
  readonly surroundings: readonly Child[];
  readonly network: readonly Child[];
  readonly database: readonly Child[];
  readonly webapps: Child;
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
  const missing = generatedSecretNames(resource).filter((name) => !children.has(`Secret/${name}`));
  const generate = lostSecrets(observed).length > 0 ? [] : missing;
  const run = prepare(observed, offered, release, generate);
  const steps = runSteps((type) => STEPS[type](run));
  const startsSchema =
    steps.some(({ apply }) => apply.includes(run.job)) || children.has(childKey(run.job.object));
  const version = wantedVersion(resource);
  const known = journal?.schemaVersion;
  const isNewer = version !== undefined && (known === undefined || compareVersions(version, known) > 0);
  return {
    generate,
    release,
    schemaVersion: startsSchema && isNewer ? version : known,
    rollout: run.rollout,
    steps,
  };
}

function prepare(
  observed: Observed,
  offered: ReleaseImages,
  release: PinnedRelease,
  generate: readonly string[],
): Run {
  const { resource, stacks } = observed;
  const pods = podsOf(observed, release);
  const policy = changePolicy(observed);
  const slots = planNodeSlots(observed, pods, numberInUse(observed) !== undefined);
  const [database, network, web] = [
    managedDatabase(resource, release),
    networkProcess(resource, stacks, offered.stack),
    webapps(pods),
  ];
  const nodes = [...slots.nodes.map(({ child }) => child), web];
  const job = schemaJob(pods);
  const stopping = isStopping(observed, nodes, policy);
  const creating =
    generate.length > 0 ? unmet('DatabaseReady', 'Creating', 'creating the Secrets of the stack') : undefined;
  const gates = gatesOf(observed, job, creating, policy.forbidden);
  const shared = network.find(({ restarts }) => restarts);
  // Stacks share the network process: a change by a new operator version rolls immediately if any of them says so.
  const immediately = networkUsers(stacks).some(({ spec }) => spec.upgrade.operatorChanges === 'Immediately');
  const rollout = planRollout(
    observed,
    {
      database: database.find(({ restarts }) => restarts),
      network: shared && { child: shared, immediately },
      nodes: slots.nodes,
      webapps: web,
      surplus: slots.surplus,
    },
    policy,
    nodesWaitFor(gates, stopping),
  );
  return {
    observed,
    offered,
    release,
    policy,
    gates,
    slots,
    rollout,
    isStopping: stopping,
    job,
    surroundings: surroundings(resource),
    network,
    database,
    webapps: web,
  };
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

const NO_CHANGES: Changes = { apply: [], waiting: [], scale: [], restart: [], rolls: new Map() };
const NOTHING = { ...NO_CHANGES, remove: [], open: false } as const;

/** What happens to these children now: those that restart pods as the rollout says, all others immediately. */
function changesTo(children: readonly Child[], { changes }: RolloutPlan): Changes {
  const parts = children.map((child): readonly [string, ChildChange] => {
    const key = childKey(child.object);
    return [key, changes.get(key) ?? { apply: child }];
  });
  const all = <K extends keyof ChildChange>(name: K) =>
    parts.flatMap(([, part]): NonNullable<ChildChange[K]>[] => {
      const value = part[name];
      return value === undefined ? [] : [value as NonNullable<ChildChange[K]>];
    });
  return {
    apply: all('apply'),
    waiting: all('waiting'),
    scale: all('scale'),
    restart: all('restart'),
    rolls: new Map(parts.flatMap(([key, { rolls }]) => (rolls === undefined ? [] : [[key, rolls] as const]))),
  };
}

/** Objects around the pods; this step waits for nothing. */
function planSurroundings({ observed, rollout, surroundings, network }: Run): StepPlan<'SpecValid'> {
  const verdict = judgeSpec(observed);
  // While a generated Secret is lost, change nothing of the stack.
  if (lostSecrets(observed).length > 0) return { ...NOTHING, verdict, open: true };
  return { ...NOTHING, ...changesTo([...surroundings, ...network], rollout), verdict, open: true };
}

const surroundings = (resource: Observed['resource']): Child[] => [
  serviceAccount(resource),
  ...services(resource),
  ...disruptionBudgets(resource),
  ...mediaClaim(resource),
  ...issuedCertificate(resource),
  ...podMonitor(resource),
];

function planDatabase({ gates, rollout, database }: Run): StepPlan<'DatabaseReady'> {
  const verdict = gates.database;
  if (!gates.mayApplyDatabase) return { ...NOTHING, verdict };
  return { ...NOTHING, ...changesTo(database, rollout), verdict, open: gates.isDatabaseOpen };
}

/**
 * Jobs are immutable: an existing Job is left alone, or replaced if it has not completed and its inputs changed. A Job for
 * a running stack waits until the user allows changes, and until all nodes have stopped if the strategy is Stop.
 */
function planSchema(run: Run): StepPlan<'SchemaReady'> {
  const { observed, gates, job, policy, slots, isStopping } = run;
  const { job: live, schema: verdict } = gates;
  if (isStopping)
    return {
      ...NOTHING,
      apply: [...slots.nodes.map(({ child }) => child), run.webapps].map(stopped),
      verdict: unmet(
        'SchemaReady',
        'Stopping',
        'waiting until all Webapps, Masters and Coreapps have stopped',
      ),
    };
  if (gates.schemaWaitsForUser)
    return {
      ...NOTHING,
      verdict: unmet('SchemaReady', 'Upgrading', `the schema Job waits for ${policy.forbidden}`),
      // Everything but the change goes on.
      open: true,
    };
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
    open: gates.isSchemaOpen,
  };
}

function planNodes(run: Run): StepPlan<'WorkloadsReady'> {
  const { observed, offered, release, slots, rollout } = run;
  const changes = changesTo([...slots.nodes.map(({ child }) => child), run.webapps], rollout);
  const declared = [...run.surroundings, ...run.database, run.webapps];
  return {
    ...changes,
    remove: [...slots.remove, ...rollout.remove, ...leftovers(observed, declared)],
    waiting: [...changes.waiting, ...offer(observed.resource, release, offered)],
    verdict: judgeWorkloads({ observed, rollout, isSwitching: slots.isSwitching }),
    open: true,
  };
}

const podsOf = (observed: Observed, release: PinnedRelease): StackPods => ({
  resource: observed.resource,
  release,
  secrets: observed.secretsHash ?? secretsHash(observed),
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
  schemaVersion: undefined,
  rollout: undefined,
  steps: runSteps(() => ({
    ...NOTHING,
    verdict: unmet('SpecValid', 'NamespaceNotEnabled', missing.join('; ')),
  })),
});
