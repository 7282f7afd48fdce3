import { type KubeObject, kinds } from '../../../src/engine/kube/kubeObject.ts';
import { ClusterAccess } from './clusterAccess.ts';
import type { ManagerContext, SimulatedController } from './controllerManager.ts';

type Job = KubeObject & {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { image: string }[] } };
  };
  readonly status?: { readonly startTime?: string; readonly conditions?: readonly unknown[] };
};

/** The Job controller of Kubernetes, without the pods: a Job ends after a while, unless it has a bad image. */
export class JobController implements SimulatedController {
  readonly kind = kinds.Job;
  readonly access: ClusterAccess;
  readonly #context: ManagerContext;
  /** The share of Jobs that fail. */
  failing = 0;

  constructor(context: ManagerContext) {
    this.#context = context;
    this.access = new ClusterAccess(context.server, context.actors, 'job-controller');
  }

  sync(object: KubeObject): object | undefined {
    const { spec, status } = object as Job;
    if (status?.startTime !== undefined) return undefined;
    const { clock, random } = this.#context;
    if (!spec.template.spec.containers.some(({ image }) => image.includes('bad')))
      clock.after(500 + random() * 8000, () => this.#end(object, random() < this.failing));
    return { active: 1, startTime: this.#now() };
  }

  #end(job: KubeObject, fails: boolean): void {
    const condition = fails
      ? { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'simulated' }
      : { type: 'Complete', status: 'True' };
    const conditions = [{ ...condition, lastTransitionTime: this.#now() }];
    this.access.patch(job, { status: { active: null, conditions } }, 'status');
  }

  #now(): string {
    return new Date(this.#context.clock.now()).toISOString();
  }
}
