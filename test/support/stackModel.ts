import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { appliedHashAnnotation, hashOf, withAppliedHash } from '../../src/engine/kube/ownFields.ts';
import { planWorkloads, type WorkloadPlan } from '../../src/operator/plan/decide/workloads.ts';
import { journalSchema } from '../../src/operator/plan/facts/journal.ts';
import { generatedSecretNames, labels } from '../../src/operator/plan/facts/names.ts';
import {
  type ApiObservation,
  type Observed,
  type PodView,
  podsSeen,
  type ReferencedSecret,
} from '../../src/operator/plan/facts/observed.ts';
import { childKey } from '../../src/operator/plan/render/child.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import { podView } from './podView.ts';

export const APPLIED_HASH = appliedHashAnnotation('waba-operator.dev');
/** The images that the operator ships in these tests. */
export const release = { stack: 'waba-stack:test', database: 'postgres' };

export const applied = ({ steps }: WorkloadPlan) => steps.flatMap(({ apply }) => apply);
export const removed = ({ steps }: WorkloadPlan) => steps.flatMap(({ remove }) => remove);
export const restarted = ({ steps }: WorkloadPlan) =>
  steps.flatMap(({ restart }) => restart.map(({ pod }) => pod.name));
export const waiting = ({ steps }: WorkloadPlan) => steps.flatMap((step) => step.waiting);

/** What the API of a stack answers: every node that is ready is there, and the number is not registered. */
export function apiOf(pods: readonly PodView[], changes: Partial<ApiObservation> = {}): ApiObservation {
  const nodes = pods.filter(({ component, ready }) => ready && ['master', 'coreapp'].includes(component));
  return {
    atMs: NOW_MS,
    podsSeen: podsSeen(pods),
    support: {},
    ...changes,
    health: {
      ...Object.fromEntries(
        nodes.map(({ name, component }) => [
          name,
          component === 'master' ? {} : { gateway_status: 'unregistered' as const, role: 'coreapp' as const },
        ]),
      ),
      ...changes.health,
    },
  };
}

export const NOW_MS = Date.parse('2026-03-01T12:00:00Z');

/**
 * A cluster in memory that carries out plans at once: every applied child exists, every pod is ready, and a pod that is
 * deleted comes back from the template of its StatefulSet.
 */
export class StackModel {
  readonly children = new Map<string, KubeObject>();
  pods: PodView[] = [];
  journal = journalSchema.parse({});
  resource: WhatsAppDeployment;
  /** Secrets that the resource refers to. */
  readonly referenced: ReadonlyMap<string, ReferencedSecret>;
  /** What the API answers besides `apiOf`. */
  api: Partial<ApiObservation> = {};
  #version = 1;

  constructor(of: WhatsAppDeployment, referenced: ReadonlyMap<string, ReferencedSecret> = new Map()) {
    this.resource = of;
    this.referenced = referenced;
  }

  observed(changes: Partial<Observed> = {}): Observed {
    return {
      resource: this.resource,
      stacks: [this.resource],
      sameNumber: [this.resource],
      children: this.children,
      pods: this.pods,
      referenced: this.referenced,
      journal: this.journal,
      api: apiOf(changes.pods ?? this.pods, this.api),
      mayRoll: true,
      nowMs: NOW_MS,
      ...changes,
    };
  }

  /** Plans and carries out once; returns the plan. */
  round(changes: Partial<Observed> = {}): WorkloadPlan {
    const plan = planWorkloads(this.observed(changes), release);
    for (const name of plan.generate)
      this.children.set(`Secret/${name}`, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name },
        data: { password: 'eA==' },
      });
    this.journal = {
      ...this.journal,
      generated: generatedSecretNames(this.resource),
      release: plan.release,
      schemaVersion: plan.schemaVersion,
      rollout: plan.rollout?.entry,
    };
    for (const object of removed(plan)) this.children.delete(childKey(object));
    for (const child of applied(plan)) this.#apply(withAppliedHash(child.object, APPLIED_HASH));
    for (const { live, replicas } of plan.steps.flatMap(({ scale }) => scale))
      this.#apply({ ...live, spec: { ...(live.spec as object), replicas } });
    const gone = new Set(restarted(plan));
    this.pods = this.pods.filter(({ name }) => !gone.has(name));
    this.#runPods();
    return plan;
  }

  settle(changes: Partial<Observed> = {}): WorkloadPlan {
    for (let round = 0; round < 60; round++) {
      const before = JSON.stringify([[...this.children], this.pods]);
      const plan = this.round(changes);
      if (JSON.stringify([[...this.children], this.pods]) === before) return plan;
    }
    throw new Error('does not settle');
  }

  #apply(object: KubeObject): void {
    const live = this.children.get(childKey(object));
    const generation =
      live && hashOf([live.spec]) === hashOf([object.spec])
        ? live.metadata.generation
        : (live?.metadata.generation ?? 0) + 1;
    const seen = { ...object, metadata: { ...object.metadata, ...(generation ? { generation } : {}) } };
    this.children.set(childKey(object), { ...seen, ...this.#statusOf(seen) });
  }

  #statusOf({ kind, metadata, spec }: KubeObject): { status?: object } {
    const { replicas = 1, template } = (spec ?? {}) as { replicas?: number; template?: unknown };
    const observedGeneration = metadata.generation;
    if (kind === 'Job') return { status: { conditions: [{ type: 'Complete', status: 'True' }] } };
    if (kind === 'StatefulSet')
      return { status: { observedGeneration, updateRevision: hashOf([template]), readyReplicas: replicas } };
    const counts = { replicas, updatedReplicas: replicas, availableReplicas: replicas };
    return kind === 'Deployment' ? { status: { observedGeneration, ...counts } } : {};
  }

  /** One pod for each StatefulSet, and as many for each Deployment as it wants. */
  #runPods(): void {
    const sets = [...this.children.values()].filter(({ kind }) =>
      ['StatefulSet', 'Deployment'].includes(kind),
    );
    this.pods = sets.flatMap((set) => {
      const { replicas = 1, template } = set.spec as { replicas?: number; template?: unknown };
      return Array.from({ length: replicas }, (_, index) => {
        const name = `${set.metadata.name}-${index}`;
        const existing = this.pods.find((pod) => pod.name === name);
        return existing && set.kind === 'StatefulSet' ? existing : this.#pod(set, name, template);
      });
    });
  }

  #pod({ kind, metadata }: KubeObject, name: string, template: unknown): PodView {
    const { labels: marks = {} } = (template as { metadata?: KubeObject['metadata'] }).metadata ?? {};
    const version = kind === 'StatefulSet' ? ++this.#version : 1;
    return podView({
      name,
      component: metadata.labels?.[labels.component] ?? '',
      uid: `${name}-${version}`,
      resourceVersion: String(version),
      revision: kind === 'StatefulSet' ? hashOf([template]) : undefined,
      version: marks[labels.version],
      topology: metadata.labels?.[labels.topology],
    });
  }
}
