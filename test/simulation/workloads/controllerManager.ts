import type { Clock } from '../../../src/base/clock.ts';
import type { KubeObject, ResourceKind } from '../../../src/engine/kube/kubeObject.ts';
import type { SimulatedApiServer } from '../../../src/engine/simulation/simulatedApiServer.ts';
import type { Actors, ClusterAccess } from './clusterAccess.ts';

export interface ManagerContext {
  readonly server: SimulatedApiServer;
  readonly actors: Actors;
  readonly clock: Clock;
  readonly random: () => number;
}

/** One controller: it looks at an object, acts, and returns the status to write after that. */
export interface SimulatedController {
  readonly kind: ResourceKind;
  readonly access: ClusterAccess;
  sync(object: KubeObject): object | undefined;
}

/** How long a controller takes to see a change while nothing is wrong with it. */
const CALM_LAG_MS = 40;
/** Between the actions of a sync and its status, which tells what the sync saw at its start. */
const STATUS_AFTER_MS = 30;

/** A kube-controller-manager: each controller sees each change after a lag, and all of them can stop for a while. */
export class ControllerManager {
  readonly #context: ManagerContext;
  readonly #scheduled = new Set<string>();
  readonly #busy = new Set<string>();
  #stoppedUntil = 0;
  /** The next lag of a controller; a schedule makes it longer. */
  lagMs: () => number;

  constructor(context: ManagerContext, controllers: readonly SimulatedController[]) {
    this.#context = context;
    this.lagMs = () => context.random() * CALM_LAG_MS;
    for (const controller of controllers) {
      const { kind } = controller.kind;
      context.server.onChange(({ object }) => {
        const owner = object.metadata.ownerReferences?.find((reference) => reference.kind === kind);
        const name = object.kind === kind ? object.metadata.name : owner?.name;
        if (name !== undefined) this.#enqueue(controller, object.metadata.namespace ?? '', name);
      });
    }
  }

  /** Nothing happens until then. */
  stop(forMs: number): void {
    this.#stoppedUntil = Math.max(this.#stoppedUntil, this.#context.clock.monotonic() + forMs);
  }

  go(): void {
    this.#stoppedUntil = 0;
  }

  #enqueue(controller: SimulatedController, namespace: string, name: string): void {
    const key = `${controller.kind.kind}/${namespace}/${name}`;
    if (this.#scheduled.has(key)) return;
    this.#scheduled.add(key);
    this.#context.clock.after(this.lagMs(), () => this.#run(controller, namespace, name));
  }

  #run(controller: SimulatedController, namespace: string, name: string): void {
    const { clock, random } = this.#context;
    const key = `${controller.kind.kind}/${namespace}/${name}`;
    const waitMs = this.#busy.has(key) ? STATUS_AFTER_MS : this.#stoppedUntil - clock.monotonic();
    if (waitMs > 0) {
      // A stop may end early.
      clock.after(Math.min(waitMs + random() * 100, 1000), () => this.#run(controller, namespace, name));
      return;
    }
    this.#scheduled.delete(key);
    const { access, kind } = controller;
    const object = access.get(kind, namespace, name);
    if (!object || object.metadata.deletionTimestamp) return;
    const status = controller.sync(object);
    if (status === undefined) return;
    this.#busy.add(key);
    clock.after(random() * STATUS_AFTER_MS, () => {
      this.#busy.delete(key);
      access.patch(object, { status }, 'status');
    });
  }
}
