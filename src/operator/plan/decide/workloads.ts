import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import { compareVersions } from '../../../onprem/clientVersion.ts';
import {
  type ConditionType,
  WORKLOADS_CONDITIONS,
  type WorkloadsCondition,
} from '../../resource/conditions.ts';
import type { PlanEntry } from '../../resource/status.ts';
import { databaseLogin } from '../facts/databaseLogin.ts';
import type { Journal } from '../facts/journal.ts';
import { keptEngine } from '../facts/keptEngine.ts';
import { isNeededLater, managedTls } from '../facts/managedTls.ts';
import { componentOf, generatedSecretNames, names, sharedSecretNames } from '../facts/names.ts';
import { networkUsers } from '../facts/networkUsers.ts';
import { type Observed, ownedBy } from '../facts/observed.ts';
import { type PinnedRelease, type ReleaseImages, releaseOf } from '../facts/release.ts';
import { isIdentifiable } from '../facts/schemaIdentity.ts';
import { type SecretGap, type SecretMend, secretGaps } from '../facts/secretGaps.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import { wantedVersion } from '../facts/wantedVersion.ts';
import { webappCertificateName } from '../facts/webappCertificate.ts';
import { autoscaler } from '../render/autoscaler.ts';
import { type Child, childKey } from '../render/child.ts';
import { databaseCheck } from '../render/databaseCheckJob.ts';
import { exposure, type WebappTrust } from '../render/exposure.ts';
import { gateway } from '../render/gateway.ts';
import { gatewayMonitor, issuedCertificate, podMonitor } from '../render/integrations.ts';
import { managedDatabase } from '../render/managedDatabase.ts';
import { mariadbCluster } from '../render/mariadbCluster.ts';
import { mysqlCluster } from '../render/mysqlCluster.ts';
import { networkPolicies } from '../render/networkPolicies.ts';
import { networkProcess } from '../render/networkProcess.ts';
import type { StackPods } from '../render/nodeInputs.ts';
import { postgresCluster } from '../render/postgresCluster.ts';
import { type SchemaRun, schemaRun } from '../render/schemaJob.ts';
import { disruptionBudgets, mediaClaim, serviceAccount, services } from '../render/surroundings.ts';
import { webhookExposure } from '../render/webhookExposure.ts';
import { unmet, type Verdict, waitingFor } from '../tell/conditions.ts';
import { judgeExposure } from '../tell/exposureChecks.ts';
import { notOurs } from '../tell/identityChecks.ts';
import { podsAreAllowed } from '../tell/podsAreAllowed.ts';
import { secretsAreRestored } from '../tell/restoreChecks.ts';
import { withRotation } from '../tell/rotationStep.ts';
import { endOf, isComplete, judgeSpec, judgeWorkloads, lostSecrets } from '../tell/workloadChecks.ts';
import { handedOver, webappsOf } from './autoscaling.ts';
import { type ChangePolicy, changePolicy, schemaHold } from './changePolicy.ts';
import type { ChildChange, Restart } from './childChange.ts';
import { type Gates, gatesOf, nodesWaitFor, provingJobs } from './gates.ts';
import { hibernation } from './hibernation.ts';
import { leftovers } from './leftovers.ts';
import { type NodeSlotPlan, planNodeSlots } from './nodeSlots.ts';
import { type PasswordRotation, planRotation, rotatedSecret } from './passwordRotation.ts';
import { planRollout, type RolloutPlan } from './rollout.ts';
import { isStopping, stopped } from './stopping.ts';

/** Changes to objects. */
interface Changes {
  /** Applied in this order. */
  readonly apply: readonly Child[];
  readonly waiting: readonly PlanEntry[];
  readonly scale: readonly NonNullable<ChildChange['scale']>[];
  /** Deployments whose number of pods the operator lets go of, before it applies them without. */
  readonly handOver: readonly KubeObject[];
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
  /** Secrets to generate. One of the stack's own that was generated once is never generated again. */
  readonly generate: readonly string[];
  /** Generated Secrets that lack values which the operator can write. */
  readonly mend: readonly SecretMend[];
  /** The release that the stack runs, written to the journal before anything is applied. */
  readonly release: PinnedRelease | undefined;
  /** The newest client version whose schema Job was started, for the journal. */
  readonly schemaVersion: string | undefined;
  /** The schema that the database has, for the journal. */
  readonly schemaDone: Journal['schemaDone'];
  /** The credentials that the managed database has, for the journal. */
  readonly databaseLogin: Journal['databaseLogin'];
  /** How far the rotation of its password is, for the journal. */
  readonly passwordRotation: Journal['passwordRotation'];
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
  readonly rotation: PasswordRotation;
  /** All nodes stop before they take their new templates. */
  readonly isStopping: boolean;
  /** Children that several steps look at, rendered once. */
  readonly schema: SchemaRun;
  readonly surroundings: readonly Child[];
  readonly exposure: readonly Child[];
  /** The way in for the webhooks of the Cloud API. */
  readonly webhook: readonly Child[];
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
  Exposed: planExposure,
};

/** A pure function. If a step is not open, the steps after it wait. */
export function planWorkloads(observed: Observed, offered: ReleaseImages): WorkloadPlan {
  const { resource, journal, children } = observed;
  const notAllowed = podsAreAllowed(observed);
  if (notAllowed) return planNothing(notAllowed, journal);
  if (resource.spec.hibernated) return planHibernation(observed, offered);
  const isRestoring = secretsAreRestored(observed);
  if (isRestoring) return planRestore(observed, isRestoring);
  const release = releaseOf(resource, journal?.release, offered, keptEngine(observed));
  const isMissing = (name: string) => !children.has(`Secret/${name}`);
  const generate = lostSecrets(observed).length > 0 ? [] : generatedSecretNames(resource).filter(isMissing);
  const gaps = secretGaps(observed);
  const run = prepare(
    observed,
    offered,
    release,
    generate.some((name) => !isNeededLater(observed, name)) || gaps.some(waitsForOperator),
  );
  const steps = runSteps((type) => STEPS[type](run));
  const { job, needed } = run.schema;
  const { isSchemaDone } = run.gates;
  const startsSchema =
    isSchemaDone || steps.some(({ apply }) => apply.includes(job)) || children.has(childKey(job.object));
  const version = wantedVersion(resource);
  const known = journal?.schemaVersion;
  const isNewer = version !== undefined && (known === undefined || compareVersions(version, known) > 0);
  return {
    generate: [...generate, ...sharedSecretNames(resource).filter(isMissing)],
    mend: [...gaps.flatMap(mendOf), ...rotatedSecret(observed)],
    release,
    schemaVersion: startsSchema && isNewer ? version : known,
    // An observer who may not read the credentials does not write the journal.
    schemaDone: isSchemaDone ? needed : journal?.schemaDone,
    databaseLogin: run.rotation.login ?? databaseLogin(observed),
    passwordRotation: run.rotation.entry,
    rollout: run.rollout,
    steps,
  };
}

const mendOf = ({ name, remedy }: SecretGap): SecretMend[] =>
  remedy === undefined ? [] : [{ name, values: remedy === 'new' ? undefined : remedy.values }];

/** Pods must not restart for what the operator puts right in a moment. */
const waitsForOperator = ({ part, remedy }: SecretGap): boolean => part !== 'control' && remedy !== undefined;

function prepare(
  observed: Observed,
  offered: ReleaseImages,
  release: PinnedRelease,
  isCreating: boolean,
): Run {
  const { resource, stacks } = observed;
  const pods = podsOf(observed, release);
  const policy = changePolicy(observed);
  const slots = planNodeSlots(observed, pods, notOurs(observed));
  const [database, network, web] = [
    [
      ...managedDatabase(resource, release, pods.databaseTls),
      ...postgresCluster(resource),
      ...mysqlCluster(resource),
      ...mariadbCluster(resource),
    ],
    [...networkProcess(resource, stacks, offered.stack), ...gateway(resource, release)],
    webappsOf(observed, pods),
  ];
  const nodes = [...slots.nodes.map(({ child }) => child), web];
  const schema = schemaRun(pods, observed);
  const stopping = isStopping(observed, nodes, policy);
  const creating = isCreating
    ? unmet('DatabaseReady', 'Creating', 'writing the Secrets of the stack')
    : undefined;
  const check = databaseCheck(pods, observed, offered.stack);
  const gates = gatesOf(observed, { schema, check }, creating, policy.forbidden);
  const shared = network.find(({ restarts }) => restarts);
  // Stacks share the network process: a change by a new operator version rolls immediately if any of them says so.
  const users = resource.spec.cloud ? [resource] : networkUsers(stacks);
  const immediately = users.some(({ spec }) => spec.upgrade.operatorChanges === 'Immediately');
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
    { nodes: nodesWaitFor(gates, stopping), schema: !gates.isSchemaOpen },
  );
  return {
    observed,
    offered,
    release,
    policy,
    gates,
    slots,
    rollout,
    rotation: planRotation(observed, {
      pods,
      program: offered.stack,
      rollout,
      isDatabaseOpen: gates.isDatabaseOpen,
    }),
    isStopping: stopping,
    schema,
    surroundings: surroundings(observed),
    exposure: exposure(resource, trustOf(observed)),
    webhook: webhookExposure(resource),
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

const NO_CHANGES: Changes = {
  apply: [],
  waiting: [],
  scale: [],
  handOver: [],
  restart: [],
  rolls: new Map(),
};
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
    handOver: [],
    restart: all('restart'),
    rolls: new Map(parts.flatMap(([key, { rolls }]) => (rolls === undefined ? [] : [[key, rolls] as const]))),
  };
}

/** Objects around the pods; this step waits for nothing. */
function planSurroundings({ observed, gates, rollout, surroundings, network }: Run): StepPlan<'SpecValid'> {
  const verdict = judgeSpec(observed);
  // While a generated Secret is lost, change nothing of the stack.
  if (lostSecrets(observed).length > 0) return { ...NOTHING, verdict, open: true };
  // Another stack that uses the network process applies it none the less.
  const children = [...surroundings, ...(gates.check.isOpen ? network : [])];
  return { ...NOTHING, ...changesTo(children, rollout), verdict, open: true };
}

const surroundings = ({ resource, journal, operatorNamespace }: Observed): Child[] => [
  serviceAccount(resource),
  ...services(resource),
  ...disruptionBudgets(resource),
  ...networkPolicies(resource, operatorNamespace),
  ...mediaClaim(resource),
  ...issuedCertificate(resource),
  ...podMonitor(resource, webappCertificateName(resource, journal)),
  ...gatewayMonitor(resource),
];

function planDatabase({ observed, gates, rollout, rotation, database }: Run): StepPlan<'DatabaseReady'> {
  const verdict = withRotation(gates.database, observed);
  if (!gates.mayApplyDatabase) return { ...NOTHING, verdict };
  const { apply, remove } = gates.check;
  const changes = changesTo(database, rollout);
  return {
    ...NOTHING,
    ...changes,
    apply: [...changes.apply, ...apply, ...rotation.apply],
    remove: [...remove, ...rotation.remove],
    verdict,
    open: gates.isDatabaseOpen,
  };
}

/**
 * Jobs are immutable, so an existing Job is left alone. Jobs for anything else than what the stack needs now stop first, so
 * that no two upgrade at once. A Job for a running stack waits until the user allows changes, and until all nodes have
 * stopped if the strategy is Stop.
 */
function planSchema(run: Run): StepPlan<'SchemaReady'> {
  const { observed, gates, policy, slots, isStopping } = run;
  const { job } = run.schema;
  const { job: live, schema: verdict, isSchemaDone } = gates;
  if (gates.isRestoring) return { ...NOTHING, verdict };
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
      verdict: unmet('SchemaReady', schemaHold(policy), `the schema Job waits for ${policy.forbidden}`),
      // Everything but the change goes on.
      open: true,
    };
  if (!isIdentifiable(observed))
    return {
      ...NOTHING,
      verdict: unmet('SchemaReady', 'Upgrading', 'waiting for the PersistentVolumeClaim of the database'),
      open: gates.goOn,
    };
  const jobs = ownedBy(observed, 'Job').filter((other) => componentOf(other) === 'schema');
  const proving = provingJobs(observed, run.schema);
  const stop = jobs.filter(
    (other) =>
      !isComplete(other) &&
      (isSchemaDone || other.metadata.name !== job.object.metadata.name || hasRunTooLong(other)),
  );
  const over = isSchemaDone ? jobs.filter((other) => isComplete(other) && !proving.includes(other)) : [];
  return {
    ...NOTHING,
    apply: isSchemaDone || live || stop.length > 0 ? [] : [job],
    remove: [...stop, ...over],
    verdict,
    open: gates.isSchemaOpen || gates.goOn,
  };
}

/** Kubernetes ended the Job, which may have hung; the operator makes it anew. */
const hasRunTooLong = (job: KubeObject): boolean => endOf(job, 'Failed')?.reason === 'DeadlineExceeded';

function planNodes(run: Run): StepPlan<'WorkloadsReady'> {
  const { observed, offered, release, slots, rollout } = run;
  const changes = changesTo([...slots.nodes.map(({ child }) => child), run.webapps], rollout);
  const scaling = autoscaler(observed.resource);
  const declared = [
    ...run.surroundings,
    ...run.exposure,
    ...run.webhook,
    ...run.network,
    ...run.database,
    run.webapps,
    ...scaling,
  ];
  return {
    ...changes,
    // Last: the Deployment must not declare a number any more when the autoscaler begins to change it.
    apply: [...changes.apply, ...scaling],
    handOver: handedOver(observed, changes.apply),
    remove: [...slots.remove, ...rollout.remove, ...leftovers(observed, declared, rollout.isRolling)],
    waiting: [...changes.waiting, ...offer(observed.resource, release, offered)],
    verdict: judgeWorkloads({ observed, rollout, isSwitching: slots.isSwitching }),
    open: true,
  };
}

/** The way into a stack whose nodes the operator runs. Nothing of the stack waits for it. */
function planExposure({ observed, exposure, webhook }: Run): StepPlan<'Exposed'> {
  const keysOf = (children: readonly Child[]) => children.map(({ object }) => childKey(object));
  const verdict = judgeExposure(observed, { api: keysOf(exposure), webhook: keysOf(webhook) });
  const apply = [...(verdict.reason === 'NoCertificateYet' ? [] : exposure), ...webhook];
  return { ...NOTHING, apply, verdict, open: true };
}

/** Empty while the operator has not seen a certificate of the Webapps. */
const trustOf = ({ resource, journal }: Observed): WebappTrust => ({
  ca: journal?.webappCa ?? '',
  serverName: webappCertificateName(resource, journal),
});

const podsOf = (observed: Observed, release: PinnedRelease): StackPods => ({
  resource: observed.resource,
  release,
  databaseTls: managedTls(observed),
  secrets: observed.secretsHash ?? secretsHash(observed),
  coreappRestarts: observed.journal?.coreappRestarts ?? 0,
  webappRestarts: observed.journal?.webappRestarts ?? 0,
});

/** Part of the pods' inputs, so that rotated keys restart the pods that read them. */
function secretsHash({ resource, children, referenced }: Observed): string {
  const { secretName, caSecret, clientSecret } = databaseAddress(resource);
  const own = (name: string) => (children.get(`Secret/${name}`) as { data?: unknown } | undefined)?.data;
  return hashOf([
    own(names(resource.metadata.name).keysSecret),
    own(secretName) ?? referenced.get(secretName)?.data,
    ...(caSecret ? [referenced.get(caSecret.name)?.data?.[caSecret.key]] : []),
    ...(clientSecret ? [referenced.get(clientSecret)?.data] : []),
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
      operatorChange: true,
    },
  ];
}

/** The plan for a namespace that the operator cannot read completely: unread objects are not absent objects. */
export const planUnseen = (missing: readonly string[]): WorkloadPlan =>
  planNothing(unmet('SpecValid', 'NamespaceNotEnabled', missing.join('; ')), undefined);

/** Makes nothing, and says what is wrong with the spec before it says how far the restore is. */
function planRestore(observed: Observed, restoring: Verdict<'DatabaseReady'>): WorkloadPlan {
  const spec = judgeSpec(observed);
  const steps = runSteps((type) =>
    type === 'SpecValid'
      ? { ...NOTHING, verdict: spec, open: spec.status === 'True' }
      : { ...NOTHING, verdict: restoring },
  );
  return { ...planNothing(spec, observed.journal), steps };
}

/** Stops everything, and makes nothing. What the nodes run at waking, the journal knows before. */
function planHibernation(observed: Observed, offered: ReleaseImages): WorkloadPlan {
  const { resource, journal } = observed;
  const release = releaseOf(resource, journal?.release, offered, keptEngine(observed));
  const { slots, webapps, database, network } = prepare(observed, offered, release, false);
  const nodes = [...slots.nodes.map(({ child }) => child), webapps];
  const { stop, scale, waitingFor } = hibernation(observed, { nodes, database, network });
  const [reason, message] =
    waitingFor === undefined
      ? (['Hibernated', ASLEEP] as const)
      : (['Hibernating', `waiting for ${waitingFor}`] as const);
  const spec = judgeSpec(observed);
  const steps = runSteps((type) => {
    const step = { ...NOTHING, open: true };
    if (type === 'SpecValid') return { ...step, verdict: spec };
    const changes = type === 'WorkloadsReady' ? { apply: stop, scale } : {};
    return { ...step, ...changes, verdict: unmet<WorkloadsCondition>(type, reason, message) };
  });
  return { ...planNothing(spec, journal), release, steps };
}

const ASLEEP = 'all pods are stopped, and data, Secrets and registration are kept';

/** Changes nothing, and forgets nothing that the journal knows. */
const planNothing = (verdict: Verdict<'SpecValid'>, journal: Journal | undefined): WorkloadPlan => ({
  generate: [],
  mend: [],
  release: journal?.release,
  schemaVersion: journal?.schemaVersion,
  schemaDone: journal?.schemaDone,
  databaseLogin: journal?.databaseLogin,
  passwordRotation: journal?.passwordRotation,
  rollout: undefined,
  steps: runSteps(() => ({ ...NOTHING, verdict })),
});
