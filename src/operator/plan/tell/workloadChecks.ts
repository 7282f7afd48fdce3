import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { FORBIDDEN_PASSWORD_CHARACTERS } from '../../../onprem/environment.ts';
import type { CommonReason, WorkloadsCondition } from '../../resource/conditions.ts';
import { notImplementedPaths } from '../../resource/notImplemented.ts';
import { whatsAppDeploymentSpec } from '../../resource/spec.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { clusterChoice } from '../facts/databaseCluster.ts';
import { editedLogin, loginHash } from '../facts/databaseLogin.ts';
import { databaseUser } from '../facts/generatedSecrets.ts';
import { keptEngine } from '../facts/keptEngine.ts';
import { scheduleProblem } from '../facts/maintenanceWindow.ts';
import { isGivenUp } from '../facts/managedTls.ts';
import { annotations, isOfJob, names, podOfSet } from '../facts/names.ts';
import { isServing, type Observed } from '../facts/observed.ts';
import type { RolloutProgress } from '../facts/rolloutProgress.ts';
import { counts, databaseAddress, databaseSecretKeys } from '../facts/stackSettings.ts';
import { downgrade } from '../facts/wantedVersion.ts';
import { claimsStay } from './claimChecks.ts';
import { clusterIsAwaited, clusterProblem, clusterWords } from './clusterChecks.ts';
import { met, unmet, type Verdict } from './conditions.ts';
import { notOurs } from './identityChecks.ts';
import { passwordChange } from './passwordChange.ts';
import { ownKeysAreThere, sharedKeysAreThere } from './secretGapChecks.ts';
import { hiddenPods, loadBalancerIsThere } from './surroundingChecks.ts';
import { troubleOf } from './troubles.ts';

/**
 * The checks of each condition of the workloads controller, in order. A check returns what is wrong, or undefined; the
 * first problem decides the condition.
 */
type Check<T extends WorkloadsCondition, I> = (input: I) => Verdict<T> | undefined;

const firstOf =
  <T extends WorkloadsCondition, I>(checks: readonly Check<T, I>[], otherwise: (input: I) => Verdict<T>) =>
  (input: I): Verdict<T> => {
    for (const check of checks) {
      const verdict = check(input);
      if (verdict) return verdict;
    }
    return otherwise(input);
  };

// SpecValid

const everyFieldIsActedOn: Check<'SpecValid', Observed> = ({ resource }) => {
  const paths = notImplementedPaths(whatsAppDeploymentSpec, resource.spec);
  return paths.length === 0
    ? undefined
    : unmet(
        'SpecValid',
        'NotImplemented',
        `this version of the operator does not act on ${paths.join(', ')}; remove it from spec to become Ready`,
      );
};

const schedulesAreValid: Check<'SpecValid', Observed> = ({ resource }) => {
  const problem = scheduleProblem(resource.spec);
  return problem === undefined ? undefined : unmet('SpecValid', 'BadSchedule', problem);
};

const versionMayRun: Check<'SpecValid', Observed> = (observed) => {
  const problem = downgrade(observed);
  return problem === undefined ? undefined : unmet('SpecValid', 'DowngradeRefused', problem);
};

export const judgeSpec = firstOf([notOurs, versionMayRun, schedulesAreValid, everyFieldIsActedOn], () =>
  met('SpecValid', 'Valid', 'the operator acts on every field'),
);

// DatabaseReady

/** Generated Secrets that are gone. Nothing else holds their values, so the operator does not replace them. */
export const lostSecrets = (observed: Observed): string[] =>
  [...new Set([...(observed.journal?.generated ?? []), ...neededByData(observed)])].filter(
    (name) => !observed.children.has(`Secret/${name}`) && !isGivenUp(observed.resource, name),
  );

/** Secrets whose values are in the data of a retained volume: new values would not fit the data. */
function neededByData({ resource, children, secretsHash }: Observed): string[] {
  // An observer who may not read Secrets does not see whether they are there.
  if (secretsHash !== undefined) return [];
  const { databaseClaim, databaseSecret, adminSecret, keysSecret } = names(resource.metadata.name);
  const claim = children.get(`PersistentVolumeClaim/${databaseClaim}`);
  const holdsData = resource.spec.database.managed && claim && !claim.metadata.deletionTimestamp;
  return holdsData ? [databaseSecret, adminSecret, keysSecret] : [];
}

const generatedSecretsAreThere: Check<'DatabaseReady', Observed> = (observed) => {
  const lost = lostSecrets(observed);
  if (lost.length === 0) return undefined;
  const { name } = observed.resource.metadata;
  const restore = `restore it from a backup, with the labels app.kubernetes.io/managed-by=waba-operator and app.kubernetes.io/instance=${name}`;
  const isCertificateOnly = lost.every((secret) => secret === names(name).databaseCertificateSecret);
  return unmet(
    'DatabaseReady',
    'SecretLost',
    isCertificateOnly
      ? `Secret ${lost.join(', ')} is gone, the certificate with which the managed database serves its nodes; ${restore}. Or let the operator make another one: set spec.database.managed.tls.mode to Disable, and back to VerifyCA once all pods have restarted`
      : `Secret ${lost.join(', ')} was generated for this stack and is gone, and its data needs the values; ${restore}. To start without the data, create a WhatsAppDeployment under another name`,
  );
};

const isBeingMade = (observed: Observed): boolean =>
  clusterIsAwaited(observed) !== undefined ||
  (clusterChoice(observed.resource)?.isOurs === true && !observed.cluster?.object);

const credentialsAreThere: Check<'DatabaseReady', Observed> = (observed) => {
  const { resource, referenced } = observed;
  // The operator of a cluster publishes its Secrets while it makes it.
  if (resource.spec.database.managed || isBeingMade(observed)) return undefined;
  for (const { name, key, isOneLine } of databaseSecretKeys(resource)) {
    const secret = referenced.get(name);
    if (!secret?.data)
      return unmet(
        'DatabaseReady',
        'SecretMissing',
        `Secret ${name} does not exist; create it with the key ${key}`,
      );
    if (secret.data[key] === undefined)
      return unmet('DatabaseReady', 'SecretMissing', `Secret ${name} has no key ${key}; add it`);
    if (secret.data[key].trim() === '')
      return unmet('DatabaseReady', 'SecretMissing', `key ${key} of Secret ${name} is blank; fill it in`);
    // The pods take the value as it is.
    if (isOneLine && /[\r\n]/.test(secret.data[key]))
      return unmet(
        'DatabaseReady',
        'SecretRefused',
        `key ${key} of Secret ${name} has a line end, which would be part of it; write it without (printf, or --from-literal)`,
      );
  }
  return undefined;
};

const passwordIsTaken: Check<'DatabaseReady', Observed> = ({ resource, referenced }) => {
  if (resource.spec.database.managed) return undefined;
  const { secretName, passwordKey } = databaseAddress(resource);
  const password = referenced.get(secretName)?.data?.[passwordKey] ?? '';
  return [...password].some((character) => FORBIDDEN_PASSWORD_CHARACTERS.includes(character))
    ? unmet(
        'DatabaseReady',
        'PasswordRefused',
        `the password in Secret ${secretName} must not contain any of ${FORBIDDEN_PASSWORD_CHARACTERS}; the client fails on these characters`,
      )
    : undefined;
};

/** The server would refuse every pod that restarts, so nothing restarts. */
const passwordIsKept: Check<'DatabaseReady', Observed> = (observed) => {
  const login = editedLogin(observed);
  if (!login) return undefined;
  const { name, namespace } = observed.resource.metadata;
  const { databaseSecret, journal, database } = names(name);
  const { engine = 'PostgreSQL' } = observed.resource.spec.database.managed ?? {};
  const known = observed.journal?.databaseLogin?.username ?? databaseUser(engine);
  const inPod = `kubectl -n ${namespace} exec -it ${podOfSet(database)} --`;
  return unmet(
    'DatabaseReady',
    'PasswordEdited',
    `the credentials in Secret ${databaseSecret} were edited, but the database has those from before, so nothing of the stack changes until they agree. To go back, put the previous ones into the Secret; databaseLogin shows them: kubectl -n ${namespace} get secret ${journal} -o jsonpath='{.data.journal\\.json}' | base64 -d. To keep the new password, set it in the database first: ${passwordChange(engine, inPod, known)}; then kubectl -n ${namespace} annotate secret ${databaseSecret} --overwrite ${annotations.acceptedPassword}=${loginHash(login)}`,
  );
};

/** Another engine would begin with an empty database beside the data. */
const engineIsKept: Check<'DatabaseReady', Observed> = (observed) => {
  const kept = keptEngine(observed);
  const engine = observed.resource.spec.database.managed?.engine;
  if (!kept || !engine || engine === kept) return undefined;
  const { databaseClaim } = names(observed.resource.metadata.name);
  return unmet(
    'DatabaseReady',
    'EngineChanged',
    `PersistentVolumeClaim ${databaseClaim} holds the data of ${kept}, which ${engine} does not read; create the WhatsAppDeployment under another name. To use the data, delete it with deletionPolicy Retain, and create it again with spec.database.managed.engine ${kept}`,
  );
};

/** Problems that keep pods from starting. */
export const databaseProblem = (observed: Observed): Verdict<'DatabaseReady'> | undefined =>
  [
    generatedSecretsAreThere,
    ownKeysAreThere,
    engineIsKept,
    passwordIsKept,
    clusterProblem,
    credentialsAreThere,
    passwordIsTaken,
  ]
    .map((check) => check(observed))
    .find(Boolean);

/** A trouble that has lasted gives its reason; a younger one is only mentioned. */
export const toldBy = <R extends string>(
  trouble: ReturnType<typeof troubleOf>,
  otherwise: R,
  message: string,
): [reason: R | CommonReason, message: string] =>
  trouble
    ? [trouble.hasLasted ? trouble.reason : otherwise, `${message}; ${trouble.text}`]
    : [otherwise, message];

/** The data of a managed database that the stack no longer uses. */
function kept({ metadata }: WhatsAppDeployment, children: Observed['children']): string {
  const { databaseClaim } = names(metadata.name);
  return children.has(`PersistentVolumeClaim/${databaseClaim}`)
    ? `; PersistentVolumeClaim ${databaseClaim} and Secret ${databaseClaim} of the managed database are kept, with its data`
    : '';
}

type StatusOf<S> = KubeObject & { readonly status?: S | undefined };

/** A managed database is ready when its pod is; an external one when it accepted the schema. */
export function judgeDatabase(observed: Observed, schema: Verdict): Verdict<'DatabaseReady'> {
  const { resource, children } = observed;
  if (!resource.spec.database.managed) {
    const { host } = databaseAddress(resource);
    if (schema.status === 'True')
      return met(
        'DatabaseReady',
        'Reachable',
        `${host} accepted the schema${clusterWords(observed)}${kept(resource, children)}`,
      );
    // Only the schema Job shows whether an external database is reachable.
    const trouble = troubleOf(observed, (component) => component === 'schema');
    const message = `waiting for ${host} to accept the schema`;
    return unmet('DatabaseReady', ...toldBy(trouble, 'Connecting', message));
  }
  const set = children.get(`StatefulSet/${names(resource.metadata.name).database}`) as
    | StatusOf<{ readyReplicas?: number }>
    | undefined;
  if ((set?.status?.readyReplicas ?? 0) > 0)
    return met('DatabaseReady', 'Ready', 'the managed database is ready');
  const trouble = troubleOf(observed, (component) => component === 'database');
  return unmet('DatabaseReady', ...toldBy(trouble, 'Starting', 'the managed database is not ready yet'));
}

// SchemaReady

type JobStatus = {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
};

export const endOf = (job: KubeObject | undefined, type: 'Complete' | 'Failed') =>
  (job as StatusOf<JobStatus> | undefined)?.status?.conditions?.find(
    (candidate) => candidate.type === type && candidate.status === 'True',
  );

export const isComplete = (job: KubeObject | undefined): boolean => endOf(job, 'Complete') !== undefined;

/** The schema Job and what was observed around it. */
interface SchemaInput {
  readonly job: KubeObject | undefined;
  readonly observed: Observed;
}

const jobIsThere: Check<'SchemaReady', SchemaInput> = ({ job }) =>
  job ? undefined : unmet('SchemaReady', 'Upgrading', 'the schema Job does not exist yet');

const jobHasNotFailed: Check<'SchemaReady', SchemaInput> = ({ job }) => {
  const failure = endOf(job, 'Failed');
  return (
    failure &&
    unmet(
      'SchemaReady',
      'JobFailed',
      `Job ${job?.metadata.name} failed: ${failure.message ?? 'Kubernetes gives no reason'}; read the log of its pod and correct the cause. A corrected spec or Secret starts it again; otherwise delete the Job`,
    )
  );
};

const jobIsComplete: Check<'SchemaReady', SchemaInput> = ({ job, observed }) => {
  if (isComplete(job)) return undefined;
  const trouble = troubleOf(observed, (component) => component === 'schema');
  return unmet('SchemaReady', ...toldBy(trouble, 'Upgrading', `Job ${job?.metadata.name} is running`));
};

export const judgeSchema = firstOf([jobIsThere, jobHasNotFailed, jobIsComplete], () =>
  met('SchemaReady', 'Upgraded', 'the schema is up to date'),
);

// WorkloadsReady

interface WorkloadsInput {
  readonly observed: Observed;
  readonly rollout: RolloutProgress;
  /** The nodes of the previous topology are being removed. */
  readonly isSwitching: boolean;
}

const numberIsOurs: Check<'WorkloadsReady', WorkloadsInput> = ({ observed }) => {
  const problem = notOurs(observed);
  return (
    problem &&
    unmet(
      'WorkloadsReady',
      problem.reason === 'DataOfAnotherNumber' ? 'DataOfAnotherNumber' : 'NumberInUse',
      `the operator starts and changes no Master or Coreapp: ${problem.message}`,
    )
  );
};

const claimsAreThere: Check<'WorkloadsReady', WorkloadsInput> = ({ observed }) => claimsStay(observed);

const topologyIsSettled: Check<'WorkloadsReady', WorkloadsInput> = ({ isSwitching }) =>
  isSwitching
    ? unmet(
        'WorkloadsReady',
        'SwitchingTopology',
        'waiting until all Masters and Coreapps of the other topology are gone',
      )
    : undefined;

/** Pods that are missing, as sentence parts: `1 of 2 webapp pods are ready`. */
function shortRoles({ resource, pods }: Observed): string[] {
  const { webapps: webapp, masters: master, coreapps: coreapp } = counts(resource);
  const gateway = resource.spec.cloud ? 1 : 0;
  return Object.entries({ webapp, master, coreapp, gateway }).flatMap(([component, count]) => {
    const ready = pods.filter((pod) => isServing(pod, component)).length;
    return ready < count ? [`${ready} of ${count} ${component} pods are ready`] : [];
  });
}

/** Database and schema have conditions of their own. */
const isOfNodes = (component: string): boolean => component !== 'database' && !isOfJob(component);

/** How far the nodes are; undefined if all are ready and settled. */
function unsettled({ observed, rollout }: WorkloadsInput): string | undefined {
  const { isRolling, done, total, waitingFor, underWay, turn } = rollout;
  const now = waitingFor ? `waits for ${waitingFor}` : `${underWay ?? turn} is restarting`;
  if (isRolling) return `${done} of ${total} pods run the current template; ${now}`;
  const short = shortRoles(observed);
  if (short.length > 0) return [...short, hiddenPods(observed) ?? []].flat().join('; ');
  return underWay === undefined ? undefined : `${underWay} has not settled yet`;
}

const nodesAreSettled: Check<'WorkloadsReady', WorkloadsInput> = (input) => {
  const progress = unsettled(input);
  if (progress === undefined) return undefined;
  const { rollout, observed } = input;
  // What is held is at rest only while everything that there is works.
  const hold = shortRoles(observed).length === 0 ? rollout.hold : undefined;
  const otherwise = rollout.isRolling ? (hold ?? 'RollingOut') : 'PodsNotReady';
  return unmet('WorkloadsReady', ...toldBy(troubleOf(observed, isOfNodes), otherwise, progress));
};

/** Before what the nodes wait for, which may pass by itself: only a person can put the token back. */
const tokenIsThere: Check<'WorkloadsReady', WorkloadsInput> = (input) => {
  const verdict = sharedKeysAreThere(input.observed);
  const message = [verdict?.message, nodesAreSettled(input)?.message].filter(Boolean).join('; ');
  return verdict && { ...verdict, message };
};

const isReachedFromOutside: Check<'WorkloadsReady', WorkloadsInput> = ({ observed }) =>
  loadBalancerIsThere(observed);

export const judgeWorkloads = firstOf(
  [numberIsOurs, claimsAreThere, topologyIsSettled, tokenIsThere, nodesAreSettled, isReachedFromOutside],
  () => met('WorkloadsReady', 'Ready', 'all pods are ready'),
);
