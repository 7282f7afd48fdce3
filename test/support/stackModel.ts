import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { appliedHashAnnotation, withAppliedHash } from '../../src/engine/kube/ownFields.ts';
import { planWorkloads, type WorkloadPlan } from '../../src/operator/plan/decide/workloads.ts';
import { journalSchema } from '../../src/operator/plan/facts/journal.ts';
import { generatedSecretNames, labels } from '../../src/operator/plan/facts/names.ts';
import type { Observed, PodView, ReferencedSecret } from '../../src/operator/plan/facts/observed.ts';
import { childKey } from '../../src/operator/plan/render/child.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';

export const APPLIED_HASH = appliedHashAnnotation('waba-operator.dev');
/** The images that the operator ships in these tests. */
export const release = { stack: 'waba-stack:test', database: 'postgres' };

export const applied = ({ steps }: WorkloadPlan) => steps.flatMap(({ apply }) => apply);
export const removed = ({ steps }: WorkloadPlan) => steps.flatMap(({ remove }) => remove);
export const waiting = ({ steps }: WorkloadPlan) => steps.flatMap((step) => step.waiting);

/** A cluster in memory that carries out plans: every applied child exists and every pod is ready. */
export class StackModel {
  readonly children = new Map<string, KubeObject>();
  pods: PodView[] = [];
  journal = journalSchema.parse({});
  resource: WhatsAppDeployment;

  /** Secrets that the resource refers to. */
  readonly referenced: ReadonlyMap<string, ReferencedSecret>;

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
      api: undefined,
      mayRoll: true,
      ...changes,
    };
  }

  /** Plans and applies once; returns the plan. */
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
    };
    for (const object of removed(plan)) this.children.delete(childKey(object));
    for (const child of applied(plan))
      this.children.set(childKey(child.object), this.#run(withAppliedHash(child.object, APPLIED_HASH)));
    this.pods = [...this.children.values()]
      .filter(({ kind }) => kind === 'StatefulSet')
      .map((set) => this.#pod(set));
    return plan;
  }

  settle(): WorkloadPlan {
    for (let round = 0; round < 20; round++) {
      const before = JSON.stringify([...this.children]);
      const plan = this.round();
      if (JSON.stringify([...this.children]) === before) return plan;
    }
    throw new Error('does not settle');
  }

  #run(object: KubeObject): KubeObject {
    if (object.kind === 'Job')
      return { ...object, status: { conditions: [{ type: 'Complete', status: 'True' }] } };
    return object.kind === 'StatefulSet' ? { ...object, status: { readyReplicas: 1 } } : object;
  }

  #pod({ metadata }: KubeObject): PodView {
    return {
      name: `${metadata.name}-0`,
      component: metadata.labels?.[labels.component] ?? '',
      topology: metadata.labels?.[labels.topology],
      ready: true,
      terminating: false,
      ip: '10.0.0.1',
      restarts: '0',
      problem: undefined,
    };
  }
}
