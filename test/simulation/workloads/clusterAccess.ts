import { isConflict, isNotFound } from '../../../src/engine/kube/apiError.ts';
import {
  type KubeObject,
  kindOf,
  type ResourceKind,
  resourcePath,
} from '../../../src/engine/kube/kubeObject.ts';
import type { SimulatedApiServer } from '../../../src/engine/simulation/simulatedApiServer.ts';
import { parseTarget } from '../../../src/engine/simulation/target.ts';

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly started: boolean;
  readonly restartCount: number;
  readonly state: Readonly<Record<string, object>>;
}

export type PodObject = KubeObject & {
  readonly spec: {
    readonly containers: readonly {
      readonly name: string;
      readonly image: string;
      readonly env?: readonly { readonly name: string; readonly value?: string }[];
      readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
    }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
};

export const isReady = ({ status }: KubeObject): boolean =>
  (status as PodObject['status'])?.conditions?.some(
    ({ type, status: value }) => type === 'Ready' && value === 'True',
  ) ?? false;

export const isTerminating = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined;

export const controllerOf = ({ metadata }: KubeObject) =>
  metadata.ownerReferences?.find(({ controller }) => controller);

/** Who acts on the server at the moment, for those who watch it. */
export class Actors {
  current: unknown = 'nobody';

  as<T>(actor: unknown, act: () => T): T {
    const before = this.current;
    this.current = actor;
    try {
      return act();
    } finally {
      this.current = before;
    }
  }
}

/** The server as a component beside it calls it: at once, and without failing when an object is gone or was replaced. */
export class ClusterAccess {
  readonly server: SimulatedApiServer;
  readonly #actors: Actors;
  readonly #actor: string;

  constructor(server: SimulatedApiServer, actors: Actors, actor: string) {
    this.server = server;
    this.#actors = actors;
    this.#actor = actor;
  }

  list<T extends KubeObject>(kind: ResourceKind, namespace: string): T[] {
    return this.server.select(parseTarget(resourcePath(kind, namespace))) as T[];
  }

  get<T extends KubeObject>(kind: ResourceKind, namespace: string, name: string): T | undefined {
    return this.list<T>(kind, namespace).find(({ metadata }) => metadata.name === name);
  }

  create(object: KubeObject): void {
    const { namespace } = object.metadata;
    this.#tolerant(() =>
      this.server.handle({
        method: 'POST',
        path: resourcePath(kindOf(object), namespace),
        ...this.#by(object),
      }),
    );
  }

  /** A merge patch of the object, or of its status. */
  patch(object: KubeObject, change: object, subresource?: 'status'): void {
    const { namespace, name, uid } = object.metadata;
    this.#tolerant(() =>
      this.server.handle({
        method: 'PATCH',
        path: resourcePath(kindOf(object), namespace, name, subresource),
        contentType: 'application/merge-patch+json',
        ...this.#by({ metadata: { uid }, ...change }),
      }),
    );
  }

  /** `why` shows in the actor, after a colon. */
  delete(object: KubeObject, options: { gracePeriodSeconds?: number; why?: string } = {}): void {
    const { namespace, name, uid } = object.metadata;
    const { gracePeriodSeconds, why } = options;
    this.#tolerant(
      () =>
        this.server.handle({
          method: 'DELETE',
          path: resourcePath(kindOf(object), namespace, name),
          body: {
            preconditions: { uid },
            ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
          },
        }),
      why === undefined ? this.#actor : `${this.#actor}: ${why}`,
    );
  }

  #by(body: object): { body: object; query: { fieldManager: string } } {
    return { body, query: { fieldManager: this.#actor } };
  }

  #tolerant(act: () => unknown, actor = this.#actor): void {
    try {
      this.#actors.as(actor, act);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}
