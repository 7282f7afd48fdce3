import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import type { PlanEntry } from '../../resource/status.ts';
import { generatedSecretNames, names } from '../facts/names.ts';
import { type Observed, ownedOfKind } from '../facts/observed.ts';
import { databaseAddress, type ReleaseImages } from '../facts/stackSettings.ts';
import { type Child, childKey } from '../render/child.ts';
import { type NodeInputs, schemaJob, webapps } from '../render/stackNodes.ts';
import {
  disruptionBudgets,
  managedDatabase,
  mediaClaim,
  networkProcess,
  serviceAccount,
  services,
} from '../render/supportChildren.ts';
import { unknown, unmet, type Verdict } from '../tell/conditions.ts';
import {
  judgeDatabase,
  judgeSchema,
  judgeSpec,
  judgeWorkloads,
  numberInUse,
  pending,
  referencedSecretProblem,
} from '../tell/workloadVerdicts.ts';
import { planNodes } from './nodes.ts';
import { holdOperatorChanges, type RollPolicy, wantsRoll } from './rollout.ts';

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
    webappRestarts: observed.journal?.webappRestarts ?? 0,
  };

  const job = schemaJob(inputs);
  const schema = judgeSchema(children.get(childKey(job.object)));
  const database = judgeDatabase(observed, schema);
  const databaseUp = database.status === 'True' || !resource.spec.database.managed;
  const oldJobs = ownedOfKind(observed, 'Job').filter(
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
