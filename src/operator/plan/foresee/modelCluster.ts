import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { differences, hashOf, withAppliedHash } from '../../../engine/kube/ownFields.ts';
import { DEFAULT_ADMIN } from '../../../onprem/users.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { noteOf } from '../decide/difference.ts';
import type { WorkloadPlan } from '../decide/workloads.ts';
import { withPassword } from '../facts/databaseLogin.ts';
import { GENERATED_KEYS, generatedPart } from '../facts/generatedSecrets.ts';
import { EMPTY_JOURNAL, type Journal } from '../facts/journal.ts';
import { rememberedSecrets } from '../facts/managedTls.ts';
import { annotations, generatedSecretNames, isOfJob, labels, NETWORK } from '../facts/names.ts';
import type { Observation, PodView } from '../facts/observed.ts';
import { rollsByItself } from '../facts/rollsByItself.ts';
import type { SecretMend } from '../facts/secretGaps.ts';
import type { SecretObject } from '../facts/secrets.ts';
import { isLeftToAutoscaler } from '../render/autoscaler.ts';
import { childKey } from '../render/child.ts';

/** What generated Secrets hold in the model, base64. */
const GENERATED = 'eA==';
/** Values that must have a form: the only user name of an administrator, and a code. */
const MODEL_VALUES: Readonly<Record<string, string>> = {
  username: Buffer.from(DEFAULT_ADMIN.username).toString('base64'),
  code: 'MDAwMDAw',
};

interface PodTemplate {
  readonly metadata?: Pick<KubeObject['metadata'], 'labels' | 'annotations'>;
}
const specOf = ({ spec }: KubeObject) =>
  (spec ?? {}) as { readonly replicas?: number; readonly template?: PodTemplate };
/** The network process is not among the pods of a stack. */
const hasPods = ({ kind, metadata }: KubeObject): boolean =>
  (kind === 'StatefulSet' || kind === 'Deployment') && metadata.labels?.[labels.instance] !== NETWORK.name;

/**
 * A cluster in memory that carries out plans at once and perfectly: every applied child exists, every pod becomes ready,
 * and a pod that is deleted comes back from the template of its StatefulSet.
 */
export class ModelCluster {
  readonly children: Map<string, KubeObject>;
  pods: PodView[] = [];
  journal: Journal;
  #version: bigint;

  /** Takes over what is there, as it will be once everything that is under way has settled. */
  constructor({ children, pods, journal }: Pick<Observation, 'children' | 'pods' | 'journal'>) {
    this.journal = journal ?? EMPTY_JOURNAL;
    this.#version = pods.reduce((highest, pod) => larger(highest, pod.resourceVersion), 1n);
    const staying = [...children].filter(([, { metadata }]) => metadata.deletionTimestamp === undefined);
    this.children = new Map(staying.map(([key, object]) => [key, settled(object)]));
    const left = pods.filter(({ terminating }) => !terminating);
    this.pods = left.map((pod) => ({ ...pod, ready: true, stuck: false, problem: undefined }));
    if (pods.length > 0 || staying.length > 0) this.#runPods();
  }

  /** Carries out a plan for a resource. */
  carryOut(plan: WorkloadPlan, resource: WhatsAppDeployment): void {
    for (const name of plan.generate) this.children.set(`Secret/${name}`, generated(name, resource));
    for (const { name, values } of plan.mend) this.#mend(name, values, resource);
    this.journal = {
      ...this.journal,
      generated: rememberedSecrets(
        resource,
        this.journal.generated,
        generatedSecretNames(resource).filter((name) => this.children.has(`Secret/${name}`)),
      ),
      release: plan.release,
      schemaVersion: plan.schemaVersion,
      schemaDone: plan.schemaDone,
      databaseLogin: plan.databaseLogin,
      passwordRotation: withPassword(plan.passwordRotation, () => GENERATED),
      rollout: plan.rollout?.entry,
    };
    for (const { remove, apply, scale } of plan.steps) {
      for (const object of remove) this.children.delete(childKey(object));
      for (const { object } of apply) this.#apply(withAppliedHash(object, annotations.applied));
      for (const { live, replicas } of scale)
        this.#store({ ...live, spec: { ...(live.spec as object), replicas } });
    }
    const gone = new Set(plan.steps.flatMap(({ restart }) => restart.map(({ pod }) => pod.name)));
    this.restart(gone);
  }

  /** Deletes pods; their controllers make them again. */
  restart(gone: ReadonlySet<string>): void {
    this.pods = this.pods.filter(({ name }) => !gone.has(name));
    this.#runPods();
  }

  #mend(name: string, values: SecretMend['values'], resource: WhatsAppDeployment): void {
    const live = this.children.get(`Secret/${name}`);
    const { data } = generated(name, resource);
    const written = values
      ? Object.fromEntries(
          Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
        )
      : data;
    if (live)
      this.children.set(`Secret/${name}`, {
        ...live,
        data: { ...(live as SecretObject).data, ...written },
      } as KubeObject);
  }

  #apply(object: KubeObject): void {
    const live = this.children.get(childKey(object));
    const isSame = live && noteOf(live, annotations.applied) === noteOf(object, annotations.applied);
    if (!(isSame && differences(object, live).length === 0)) this.#store(object);
  }

  #store(given: KubeObject): void {
    const live = this.children.get(childKey(given));
    const object = withReplicas(given, live);
    const before = live?.metadata.generation ?? 0;
    const generation = live && hashOf([live.spec]) === hashOf([object.spec]) ? before : before + 1;
    const seen = { ...object, metadata: { ...object.metadata, ...(generation ? { generation } : {}) } };
    const isSameTemplate =
      live &&
      noteOf(live, annotations.template) === noteOf(object, annotations.template) &&
      differences(specOf(object).template, specOf(live).template).length === 0;
    if (live && rollsByItself(live) && !isSameTemplate)
      this.pods = this.pods.filter((pod) => !isPodOf(live)(pod));
    const revision = isSameTemplate ? revisionOf(live) : hashOf([specOf(object).template]);
    this.children.set(childKey(object), { ...seen, ...statusOf(seen, revision) });
  }

  /** One pod for each StatefulSet, and as many for each Deployment as it wants. */
  #runPods(): void {
    const others = this.pods.filter(({ component }) => isOfJob(component));
    this.pods = [
      ...others,
      ...[...this.children.values()].filter(hasPods).flatMap((set) => this.#podsOf(set)),
    ];
  }

  #podsOf(set: KubeObject): PodView[] {
    const { replicas = 1 } = specOf(set);
    if (set.kind === 'StatefulSet')
      return Array.from({ length: replicas }, (_, index) => {
        const name = `${set.metadata.name}-${index}`;
        return this.pods.find((pod) => pod.name === name) ?? this.#pod(set, name);
      });
    const stay = this.pods.filter(isPodOf(set)).slice(0, replicas);
    const news = Array.from({ length: replicas - stay.length }, () => this.#pod(set, undefined));
    return [...stay, ...news];
  }

  #pod(set: KubeObject, slot: string | undefined): PodView {
    const { labels: marks = {}, annotations: notes = {} } = specOf(set).template?.metadata ?? {};
    this.#version += 1n;
    const name = slot ?? `${set.metadata.name}-${this.#version}`;
    return {
      name,
      uid: `${name}-${this.#version}`,
      resourceVersion: String(this.#version),
      revision: slot === undefined ? undefined : revisionOf(set),
      version: marks[labels.version],
      component: set.metadata.labels?.[labels.component] ?? '',
      topology: set.metadata.labels?.[labels.topology],
      ready: true,
      stuck: false,
      terminating: false,
      ip: '10.0.0.1',
      restarts: notes[annotations.restarts],
      databaseTls: notes[annotations.databaseTls] !== undefined,
      problem: undefined,
      container: undefined,
      runningSinceMs: undefined,
      createdMs: 0,
    };
  }
}

/** A Deployment keeps the number of pods that it is applied without: see `HANDOVER_MANAGER`. */
const withReplicas = (object: KubeObject, live: KubeObject | undefined): KubeObject =>
  live && isLeftToAutoscaler(object) && specOf(object).replicas === undefined
    ? { ...object, spec: { ...(object.spec as object), replicas: specOf(live).replicas ?? 1 } }
    : object;

const isPodOf =
  ({ metadata }: KubeObject) =>
  ({ name, component }: PodView): boolean =>
    component === metadata.labels?.[labels.component] && name.startsWith(`${metadata.name}-`);

const revisionOf = ({ status }: KubeObject): string | undefined =>
  (status as { readonly updateRevision?: string } | undefined)?.updateRevision;

/** The status that the controllers of Kubernetes report in the end. */
function statusOf(object: KubeObject, updateRevision: string | undefined): { readonly status?: object } {
  const { replicas = 1 } = specOf(object);
  const observedGeneration = object.metadata.generation;
  if (object.kind === 'Job') return { status: { conditions: [{ type: 'Complete', status: 'True' }] } };
  const counts = { replicas, updatedReplicas: replicas, availableReplicas: replicas };
  if (object.kind === 'StatefulSet')
    return { status: { observedGeneration, updateRevision, readyReplicas: replicas, ...counts } };
  return object.kind === 'Deployment' ? { status: { observedGeneration, ...counts } } : {};
}

/** A live object once its controller has caught up. A Job that failed stays as it is. */
function settled(object: KubeObject): KubeObject {
  const { conditions = [], observedGeneration = 0 } = (object.status ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly observedGeneration?: number;
  };
  if (object.kind === 'Job' && conditions.some(({ type, status }) => type === 'Failed' && status === 'True'))
    return object;
  const isSeen = observedGeneration >= (object.metadata.generation ?? 0);
  const revision = isSeen ? revisionOf(object) : hashOf([specOf(object).template]);
  return { ...object, ...statusOf(object, revision) };
}

function generated(name: string, { metadata }: WhatsAppDeployment): SecretObject {
  const part = generatedPart(metadata.name, name);
  const data = Object.fromEntries(
    (part ? GENERATED_KEYS[part] : []).map((key) => [key, MODEL_VALUES[key] ?? GENERATED]),
  );
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data };
}

function larger(highest: bigint, version: string): bigint {
  try {
    const known = BigInt(version);
    return known > highest ? known : highest;
  } catch {
    return highest;
  }
}
