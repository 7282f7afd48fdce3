import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { FORBIDDEN_PASSWORD_CHARACTERS } from '../../../onprem/environment.ts';
import type { WorkloadsCondition } from '../../resource/conditions.ts';
import { notImplementedPaths } from '../../resource/notImplemented.ts';
import { whatsAppDeploymentSpec } from '../../resource/spec.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { windowProblem } from '../facts/maintenanceWindow.ts';
import { names } from '../facts/names.ts';
import { isServing, type Observed, type PodView } from '../facts/observed.ts';
import type { RolloutProgress } from '../facts/rolloutProgress.ts';
import { counts, databaseAddress } from '../facts/stackSettings.ts';
import { downgrade } from '../facts/wantedVersion.ts';
import { met, unmet, type Verdict } from './conditions.ts';

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

const numberIsFree: Check<'SpecValid', Observed> = (observed) => {
  const holder = numberInUse(observed);
  return (
    holder &&
    unmet(
      'SpecValid',
      'NumberInUse',
      `the number belongs to WhatsAppDeployment ${holder.metadata.namespace}/${holder.metadata.name}, which is older; delete one of the two`,
    )
  );
};

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

const windowIsValid: Check<'SpecValid', Observed> = ({ resource }) => {
  const { window } = resource.spec.upgrade;
  const problem = window && windowProblem(window);
  return problem === undefined ? undefined : unmet('SpecValid', 'BadSchedule', problem);
};

const versionMayRun: Check<'SpecValid', Observed> = (observed) => {
  const problem = downgrade(observed);
  return problem === undefined ? undefined : unmet('SpecValid', 'DowngradeRefused', problem);
};

export const judgeSpec = firstOf([numberIsFree, versionMayRun, windowIsValid, everyFieldIsActedOn], () =>
  met('SpecValid', 'Valid', 'the operator acts on every field'),
);

/** Only one stack may serve a number: the older of two resources wins, by creation time and then by UID. */
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

// DatabaseReady

/** Generated Secrets that are gone. Nothing else holds their values, so the operator does not replace them. */
export const lostSecrets = ({ journal, children }: Observed): string[] =>
  (journal?.generated ?? []).filter((name) => !children.has(`Secret/${name}`));

const generatedSecretsAreThere: Check<'DatabaseReady', Observed> = (observed) => {
  const lost = lostSecrets(observed);
  const { journal } = names(observed.resource.metadata.name);
  return lost.length === 0
    ? undefined
    : unmet(
        'DatabaseReady',
        'SecretLost',
        `Secret ${lost.join(', ')} was generated for this stack and is gone; restore it from a backup. To start over without the stack's data, delete the Secret ${journal} and the PersistentVolumeClaims of the stack`,
      );
};

const credentialsAreThere: Check<'DatabaseReady', Observed> = ({ resource, referenced }) => {
  if (!resource.spec.database.external) return undefined;
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
  return undefined;
};

const passwordIsTaken: Check<'DatabaseReady', Observed> = ({ resource, referenced }) => {
  if (!resource.spec.database.external) return undefined;
  const { secretName } = databaseAddress(resource);
  const password = referenced.get(secretName)?.data?.password ?? '';
  return [...password].some((character) => FORBIDDEN_PASSWORD_CHARACTERS.includes(character))
    ? unmet(
        'DatabaseReady',
        'PasswordRefused',
        `the password in Secret ${secretName} must not contain any of ${FORBIDDEN_PASSWORD_CHARACTERS}; the client fails on these characters`,
      )
    : undefined;
};

/** Problems that keep pods from starting. */
export const databaseProblem = (observed: Observed): Verdict<'DatabaseReady'> | undefined =>
  [generatedSecretsAreThere, credentialsAreThere, passwordIsTaken]
    .map((check) => check(observed))
    .find(Boolean);

type StatusOf<S> = KubeObject & { readonly status?: S | undefined };

/** A managed database is ready when its pod is; an external one when it accepted the schema. */
export function judgeDatabase({ resource, children }: Observed, schema: Verdict): Verdict<'DatabaseReady'> {
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

// SchemaReady

type JobStatus = {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
};

const endOf = (job: KubeObject | undefined, type: 'Complete' | 'Failed') =>
  (job as StatusOf<JobStatus> | undefined)?.status?.conditions?.find(
    (candidate) => candidate.type === type && candidate.status === 'True',
  );

export const isComplete = (job: KubeObject | undefined): boolean => endOf(job, 'Complete') !== undefined;

const jobIsThere: Check<'SchemaReady', KubeObject | undefined> = (job) =>
  job ? undefined : unmet('SchemaReady', 'Upgrading', 'the schema Job does not exist yet');

const jobHasNotFailed: Check<'SchemaReady', KubeObject | undefined> = (job) => {
  const failure = endOf(job, 'Failed');
  return (
    failure &&
    unmet(
      'SchemaReady',
      'JobFailed',
      `Job ${job?.metadata.name} failed: ${failure.message ?? 'Kubernetes gives no reason'}; read the log of its pod, then delete the Job to try again`,
    )
  );
};

const jobIsComplete: Check<'SchemaReady', KubeObject | undefined> = (job) =>
  isComplete(job) ? undefined : unmet('SchemaReady', 'Upgrading', `Job ${job?.metadata.name} is running`);

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

const numberIsOurs: Check<'WorkloadsReady', WorkloadsInput> = ({ observed }) =>
  numberInUse(observed) &&
  unmet(
    'WorkloadsReady',
    'NumberInUse',
    'the operator runs no Master or Coreapp while an older resource has the same number',
  );

const topologyIsSettled: Check<'WorkloadsReady', WorkloadsInput> = ({ isSwitching }) =>
  isSwitching
    ? unmet(
        'WorkloadsReady',
        'SwitchingTopology',
        'waiting until all Masters and Coreapps of the other topology are gone',
      )
    : undefined;

const podsAreReady: Check<'WorkloadsReady', WorkloadsInput> = ({ observed: { resource, pods } }) => {
  const { webapps: webapp, masters: master, coreapps: coreapp } = counts(resource);
  const short = Object.entries({ webapp, master, coreapp }).flatMap(([component, count]) => {
    const ready = pods.filter((pod) => isServing(pod, component)).length;
    return ready < count ? [`${ready} of ${count} ${component} pods are ready`] : [];
  });
  if (short.length === 0) return undefined;
  const problem = pods.find((pod: PodView) => pod.problem)?.problem;
  return unmet('WorkloadsReady', 'PodsNotReady', [...short, ...(problem ? [problem] : [])].join('; '));
};

const rolloutIsOver: Check<'WorkloadsReady', WorkloadsInput> = ({ rollout, observed: { pods } }) => {
  if (!rollout.isRolling) return undefined;
  const { done, total, waitingFor, underWay, turn } = rollout;
  const problem = pods.find((pod) => pod.problem)?.problem;
  const now = waitingFor ? `waits for ${waitingFor}` : `${underWay ?? turn} is restarting`;
  return unmet(
    'WorkloadsReady',
    'RollingOut',
    `${done} of ${total} pods run the current template; ${[now, ...(problem ? [problem] : [])].join('; ')}`,
  );
};

const slotsAreSettled: Check<'WorkloadsReady', WorkloadsInput> = ({ rollout: { underWay } }) =>
  underWay === undefined
    ? undefined
    : unmet('WorkloadsReady', 'PodsNotReady', `${underWay} has not settled yet`);

export const judgeWorkloads = firstOf(
  [numberIsOurs, topologyIsSettled, rolloutIsOver, podsAreReady, slotsAreSettled],
  () => met('WorkloadsReady', 'Ready', 'all pods are ready'),
);
