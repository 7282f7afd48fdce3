import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { FORBIDDEN_PASSWORD_CHARACTERS } from '../../../onprem/environment.ts';
import { notImplementedPaths } from '../../resource/notImplemented.ts';
import { whatsAppDeploymentSpec } from '../../resource/spec.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { names } from '../facts/names.ts';
import type { Observed, PodView } from '../facts/observed.ts';
import { counts, databaseAddress } from '../facts/stackSettings.ts';
import { met, unknown, unmet, type Verdict } from './conditions.ts';

type StatusOf<S> = KubeObject & { readonly status?: S | undefined };
type JobStatus = {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
};

export function judgeSpec(resource: WhatsAppDeployment, inUse: WhatsAppDeployment | undefined): Verdict {
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

/** Credentials that the pods could not start without. */
export function referencedSecretProblem({ resource, referenced }: Observed): Verdict | undefined {
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

/** Of the Job that upgrades the schema. */
export function judgeSchema(job: KubeObject | undefined): Verdict {
  const { status } = (job ?? {}) as StatusOf<JobStatus>;
  const condition = (type: string) =>
    status?.conditions?.find((candidate) => candidate.type === type && candidate.status === 'True');
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

export function judgeDatabase({ resource, children }: Observed, schema: Verdict): Verdict {
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

export function judgeWorkloads({ resource, pods }: Observed, switching: boolean, inUse: boolean): Verdict {
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

/** Of what comes later. */
export const pending = (types: readonly ('SchemaReady' | 'WorkloadsReady')[]): Verdict[] =>
  types.map((type) => unknown(type, 'Waiting', 'comes after what is before it'));
