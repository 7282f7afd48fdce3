import type { KubeObject } from '../kube/kubeObject.ts';
import { hashOf } from '../kube/ownFields.ts';
import { FORBIDDEN_PASSWORD_CHARACTERS } from '../onprem/environment.ts';
import { notImplementedPaths } from '../resource/notImplemented.ts';
import { whatsAppDeploymentSpec } from '../resource/spec.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { type Child, childKey } from './child.ts';
import { met, unknown, unmet, type Verdict } from './conditions.ts';
import { generatedSecretNames, labels, names, slotOf } from './names.ts';
import type { Observed, PodView } from './observed.ts';
import {
  holdOperatorChanges,
  type PlanEntry,
  type RollPolicy,
  rollSlots,
  type SlotState,
  wantsRoll,
} from './rollout.ts';
import { coreapps, masters, type NodeInputs, schemaJob, webapps } from './stackNodes.ts';
import { counts, databaseAddress, type ReleaseImages } from './stackSettings.ts';
import {
  disruptionBudgets,
  managedDatabase,
  mediaClaim,
  networkProcess,
  serviceAccount,
  services,
} from './supportChildren.ts';

/** What is to be done for a stack's Kubernetes objects, and what can be said of them. */
export interface WorkloadPlan {
  /** Secrets to make; never again once they were made. */
  readonly generate: readonly string[];
  /** Applied in this order. */
  readonly apply: readonly Child[];
  /** Deleted; what follows waits until they are gone. */
  readonly remove: readonly KubeObject[];
  readonly verdicts: readonly Verdict[];
  readonly waiting: readonly PlanEntry[];
  /** Pods that run now must be restarted, or are being. */
  readonly rolls: boolean;
}

type StatusOf<S> = KubeObject & { readonly status?: S };
type JobStatus = {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
};

/** Decides from values alone. Gates: Secrets, database, schema, then Masters, Coreapps and Webapps. */
export function planWorkloads(observed: Observed, release: ReleaseImages): WorkloadPlan {
  const { resource, children } = observed;
  const inUse = numberInUse(observed);
  const specValid = judgeSpec(resource, inUse);
  const lost = (observed.journal?.generated ?? []).filter((name) => !children.has(`Secret/${name}`));
  if (lost.length > 0) return halted(observed, specValid, lost);

  const generate = generatedSecretNames(resource).filter((name) => !children.has(`Secret/${name}`));
  const secretProblem = referencedSecretProblem(observed);
  const foundation = [
    serviceAccount(resource),
    ...services(resource),
    ...disruptionBudgets(resource),
    ...mediaClaim(resource),
    ...networkProcess(resource, observed.stacks, release),
  ];
  if (generate.length > 0 || secretProblem) {
    const verdict = secretProblem ?? unmet('DatabaseReady', 'Creating', 'Secrets are being made');
    return {
      generate,
      apply: foundation,
      remove: [],
      waiting: [],
      rolls: false,
      verdicts: [specValid, verdict, ...pending(['SchemaReady', 'WorkloadsReady'])],
    };
  }

  const policy: RollPolicy = {
    immediately: resource.spec.upgrade.operatorChanges === 'Immediately',
    mayRoll: observed.mayRoll,
  };
  const liveOf = ({ object }: Child) => children.get(childKey(object));
  const held = (child: Child) => holdOperatorChanges(child, liveOf(child), policy);
  const restarting = [...foundation, ...managedDatabase(resource, release)].map((child) =>
    child.restarts ? held(child) : { apply: [child], waiting: [] },
  );
  const base = restarting.flatMap(({ apply }) => apply);
  const waiting = restarting.flatMap((part) => part.waiting);
  const inputs: NodeInputs = {
    resource,
    release,
    secretsHash: secretsHash(observed),
    coreappRestarts: observed.journal?.coreappRestarts ?? 0,
  };

  const job = schemaJob(inputs);
  const schema = judgeSchema(children.get(childKey(job.object)) as StatusOf<JobStatus> | undefined);
  const database = judgeDatabase(observed, schema);
  const databaseUp = database.status === 'True' || !resource.spec.database.managed;
  const oldJobs = ofKind(observed, 'Job').filter(
    ({ metadata }) => metadata.name !== job.object.metadata.name,
  );
  const rolls = [...foundation, ...managedDatabase(resource, release)].some(
    (child) => child.restarts && wantsRoll(child, liveOf(child), policy),
  );
  const early = { generate, remove: schema.status === 'True' ? oldJobs : [], waiting, rolls };
  if (!databaseUp)
    return {
      ...early,
      apply: base,
      verdicts: [specValid, database, ...pending(['SchemaReady', 'WorkloadsReady'])],
    };
  if (schema.status !== 'True') {
    return {
      ...early,
      apply: [...base, job],
      verdicts: [specValid, database, schema, ...pending(['WorkloadsReady'])],
    };
  }

  const nodes = planNodes(observed, inputs, inUse !== undefined, policy);
  const webDeployment = webapps(inputs);
  const web = held(webDeployment);
  return {
    generate,
    apply: [...base, job, ...nodes.apply, ...web.apply],
    remove: [...oldJobs, ...nodes.remove],
    waiting: [...waiting, ...nodes.waiting, ...web.waiting],
    rolls: rolls || nodes.rolls || wantsRoll(webDeployment, liveOf(webDeployment), policy),
    verdicts: [specValid, database, schema, judgeWorkloads(observed, nodes.switching, inUse !== undefined)],
  };
}

function planNodes(observed: Observed, inputs: NodeInputs, inUse: boolean, policy: RollPolicy) {
  const { resource, children, pods, api } = observed;
  const { name } = resource.metadata;
  const sets = ofKind(observed, 'StatefulSet').filter(({ metadata }) =>
    ['master', 'coreapp'].includes(metadata.labels?.[labels.component] ?? ''),
  );
  if (inUse) return { apply: [], remove: sets, waiting: [], switching: false, rolls: false };

  // Single and HighAvailability know nothing of each other: one must be gone before the other starts.
  const { topology } = resource.spec;
  const foreign = sets.filter(({ metadata }) => metadata.labels?.[labels.topology] !== topology);
  const foreignPods = pods.filter(
    (pod) => ['master', 'coreapp'].includes(pod.component) && pod.topology !== topology,
  );
  if (foreign.length > 0 || foreignPods.length > 0)
    return { apply: [], remove: foreign, waiting: [], switching: true, rolls: false };

  const roll = (role: 'master' | 'coreapp', wanted: readonly Child[], wait = false) =>
    rollSlots(
      wanted.map((child, index): SlotState => {
        const pod = pods.find(
          (candidate) =>
            candidate.component === role &&
            slotOf(name, role, candidate.name) === index &&
            !candidate.terminating,
        );
        const health = pod && api?.health[pod.name];
        const primary =
          role === 'master' ? health?.role === 'primary_master' : health?.gateway_status === 'connected';
        return { child, live: children.get(childKey(child.object)), ready: pod?.ready === true, primary };
      }),
      policy,
      wait,
    );
  const [masterSlots, coreappSlots] = [masters(inputs), coreapps(inputs)];
  const masterRoll = roll('master', masterSlots);
  // Masters first: while one of them rolls, nobody may be there to promote a Coreapp's standby.

  const coreappRoll = roll('coreapp', coreappSlots, !masterRoll.settled);
  const { masters: masterCount, coreapps: coreappCount } = counts(resource);
  const surplus = sets.filter(({ metadata }) => {
    const role = metadata.labels?.[labels.component] as 'master' | 'coreapp';
    return (slotOf(name, role, metadata.name) ?? 0) >= (role === 'master' ? masterCount : coreappCount);
  });
  return {
    apply: [...masterRoll.apply, ...coreappRoll.apply],
    remove: surplus,
    waiting: [...masterRoll.waiting, ...coreappRoll.waiting],
    switching: false,
    rolls: [...masterSlots, ...coreappSlots].some((child) =>
      wantsRoll(child, children.get(childKey(child.object)), policy),
    ),
  };
}

function judgeSpec(resource: WhatsAppDeployment, inUse: WhatsAppDeployment | undefined): Verdict {
  if (inUse) {
    const { name, namespace } = inUse.metadata;
    return unmet(
      'SpecValid',
      'NumberInUse',
      `the number belongs to WhatsAppDeployment ${namespace}/${name}, which is older; delete one of the two`,
    );
  }
  const paths = notImplementedPaths(whatsAppDeploymentSpec, resource.spec);
  if (paths.length > 0)
    return unmet(
      'SpecValid',
      'NotImplemented',
      `not acted on yet: ${paths.join(', ')}; remove it to become Ready`,
    );
  return met('SpecValid', 'Valid', 'every field is acted on');
}

/** One number is one client: of two resources with one number the older wins, by creation and then by UID. */
export function numberInUse({
  resource,
  sameNumber,
}: Pick<Observed, 'resource' | 'sameNumber'>): WhatsAppDeployment | undefined {
  const age = ({ metadata }: WhatsAppDeployment) => `${metadata.creationTimestamp}/${metadata.uid}`;
  return sameNumber
    .filter(({ metadata }) => metadata.uid !== resource.metadata.uid)
    .filter((other) => age(other) < age(resource))
    .sort((a, b) => age(a).localeCompare(age(b)))[0];
}

const NOTHING = { generate: [], apply: [], remove: [], waiting: [], rolls: false } as const;

/** A generated Secret that is gone holds what nobody else knows. Nothing is made in its place. */
function halted({ resource }: Observed, specValid: Verdict, lost: readonly string[]): WorkloadPlan {
  const message = `Secret ${lost.join(', ')} was made for this stack and is gone. Restore it from a backup; or, to start over without its data, delete the Secret ${names(resource.metadata.name).journal} and the claims of the stack`;
  const verdicts = [
    specValid,
    unmet('DatabaseReady', 'SecretLost', message),
    ...pending(['SchemaReady', 'WorkloadsReady']),
  ];
  return { ...NOTHING, verdicts };
}

/** Credentials that the pods could not start without. */
function referencedSecretProblem({ resource, referenced }: Observed): Verdict | undefined {
  const { external } = resource.spec.database;
  if (!external) return undefined;
  const { secretName, caSecret } = databaseAddress(resource);
  const needed = [
    ...['username', 'password'].map((key) => ({ name: secretName, key })),
    ...(caSecret ? [caSecret] : []),
  ];
  for (const { name, key } of needed) {
    const secret = referenced.get(name);
    if (!secret?.data)
      return unmet(
        'DatabaseReady',
        'SecretMissing',
        `Secret ${name} does not exist; create it with the key ${key}`,
      );
    if (secret.data[key] === undefined)
      return unmet('DatabaseReady', 'SecretMissing', `Secret ${name} has no key ${key}; add it`);
  }
  const password = referenced.get(secretName)?.data?.password ?? '';
  const bad = [...password].filter((character) => FORBIDDEN_PASSWORD_CHARACTERS.includes(character));
  if (bad.length > 0) {
    return unmet(
      'DatabaseReady',
      'PasswordRefused',
      `the password in Secret ${secretName} must not contain any of ${FORBIDDEN_PASSWORD_CHARACTERS}; the client fails on them`,
    );
  }
  return undefined;
}

function judgeSchema(job: StatusOf<JobStatus> | undefined): Verdict {
  const condition = (type: string) =>
    job?.status?.conditions?.find((candidate) => candidate.type === type && candidate.status === 'True');
  if (condition('Complete')) return met('SchemaReady', 'Upgraded', 'the schema is up to date');
  const failure = condition('Failed');
  if (failure)
    return unmet(
      'SchemaReady',
      'JobFailed',
      `Job ${job?.metadata.name} failed: ${failure.message ?? 'no reason'}; read its log, then delete it to try again`,
    );
  return unmet(
    'SchemaReady',
    'Upgrading',
    job ? `Job ${job.metadata.name} is running` : 'the Job is not there yet',
  );
}

function judgeDatabase({ resource, children }: Observed, schema: Verdict): Verdict {
  const { external } = resource.spec.database;
  if (external) {
    if (schema.status === 'True')
      return met('DatabaseReady', 'Reachable', `${external.host} accepted the schema`);
    return unmet('DatabaseReady', 'Connecting', `waiting for ${external.host} to accept the schema`);
  }
  const set = children.get(`StatefulSet/${names(resource.metadata.name).database}`) as
    | StatusOf<{ readyReplicas?: number }>
    | undefined;
  if ((set?.status?.readyReplicas ?? 0) > 0)
    return met('DatabaseReady', 'Ready', 'the managed database is ready');
  return unmet('DatabaseReady', 'Starting', 'the managed database is not ready yet');
}

function judgeWorkloads({ resource, pods }: Observed, switching: boolean, inUse: boolean): Verdict {
  if (inUse)
    return unmet(
      'WorkloadsReady',
      'NumberInUse',
      'no Masters or Coreapps run while another resource has the number',
    );
  if (switching)
    return unmet(
      'WorkloadsReady',
      'SwitchingTopology',
      'waiting until all Masters and Coreapps of the other topology are gone',
    );
  const { webapps: web, masters: master, coreapps: core } = counts(resource);
  const wanted: [string, number][] = [
    ['webapp', web],
    ['master', master],
    ['coreapp', core],
  ];
  const short = wanted.flatMap(([component, count]) => {
    const ready = pods.filter((pod) => pod.component === component && pod.ready && !pod.terminating).length;
    return ready < count ? [`${ready} of ${count} ${component} pods are ready`] : [];
  });
  if (short.length === 0) return met('WorkloadsReady', 'Ready', 'all pods are ready');
  const problem = pods.find((pod: PodView) => pod.problem)?.problem;
  return unmet('WorkloadsReady', 'PodsNotReady', [...short, ...(problem ? [problem] : [])].join('; '));
}

/** Rotated keys roll the pods that read them. */
function secretsHash({ resource, children, referenced }: Observed): string {
  const { secretName } = databaseAddress(resource);
  const own = (name: string) => (children.get(`Secret/${name}`) as { data?: unknown } | undefined)?.data;
  return hashOf([
    own(names(resource.metadata.name).keysSecret),
    own(secretName) ?? referenced.get(secretName)?.data,
  ]);
}

/** A namespace that is not wholly visible: what can't be seen must not be taken for absent. */
export function planUnseen(missing: readonly string[]): WorkloadPlan {
  const verdicts = [
    unmet('SpecValid', 'NamespaceNotEnabled', missing.join('; ')),
    unknown('DatabaseReady', 'Waiting', 'comes after what is before it'),
    ...pending(['SchemaReady', 'WorkloadsReady']),
  ];
  return { ...NOTHING, verdicts };
}

const ofKind = ({ children, resource }: Observed, kind: string): KubeObject[] =>
  [...children.values()].filter(
    (object) => object.kind === kind && object.metadata.labels?.[labels.instance] === resource.metadata.name,
  );

const pending = (types: readonly ('SchemaReady' | 'WorkloadsReady')[]): Verdict[] =>
  types.map((type) => unknown(type, 'Waiting', 'comes after what is before it'));
