import { planWorkloads, type WorkloadPlan } from '../../src/operator/plan/decide/workloads.ts';
import {
  type ApiObservation,
  type Observed,
  type PodView,
  podsSeen,
  type ReferencedSecret,
} from '../../src/operator/plan/facts/observed.ts';
import { ModelCluster } from '../../src/operator/plan/foresee/modelCluster.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';

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

/** A model of the cluster with a resource, whose API answers as `apiOf`. */
export class StackModel extends ModelCluster {
  resource: WhatsAppDeployment;
  /** Secrets that the resource refers to. */
  readonly referenced: ReadonlyMap<string, ReferencedSecret>;
  /** What the API answers besides `apiOf`. */
  api: Partial<ApiObservation> = {};

  constructor(of: WhatsAppDeployment, referenced: ReadonlyMap<string, ReferencedSecret> = new Map()) {
    super({ children: new Map(), pods: [], journal: undefined });
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
    this.carryOut(plan, this.resource);
    return plan;
  }

  settle(changes: Partial<Observed> = {}): WorkloadPlan {
    for (let round = 0; round < 60; round++) {
      const state = () => JSON.stringify([[...this.children], this.pods, this.journal.passwordRotation]);
      const before = state();
      const plan = this.round(changes);
      if (state() === before) return plan;
    }
    throw new Error('does not settle');
  }
}
