import type { Source } from '../../engine/controller/sources.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { differences } from '../../engine/kube/ownFields.ts';
import type { Condition, WhatsAppDeploymentStatus } from '../resource/status.ts';
import { API_VERSION, KIND } from '../resource/whatsAppDeployment.ts';

/** The resource whose status is written. */
interface Target {
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined };
}

/** Applies the part of status that one controller owns, when it differs from what is stored. */
export class StatusWriter {
  readonly #client: KubeClient;
  readonly #stacks: Source<KubeObject>;
  readonly #fieldManager: string;

  constructor(client: KubeClient, stacks: Source<KubeObject>, fieldManager: string) {
    this.#client = client;
    this.#stacks = stacks;
    this.#fieldManager = fieldManager;
  }

  /** @param previous the stored status */
  async write(
    { metadata: { name, namespace } }: Target,
    previous: WhatsAppDeploymentStatus | undefined,
    status: WhatsAppDeploymentStatus,
    signal: AbortSignal,
  ): Promise<void> {
    if (isStored(status, previous)) return;
    const written = await this.#client.apply<KubeObject>(
      {
        apiVersion: API_VERSION,
        kind: KIND,
        metadata: { name, ...(namespace ? { namespace } : {}) },
        status,
      },
      { fieldManager: this.#fieldManager, force: true, subresource: 'status' },
      signal,
    );
    this.#stacks.cache.observeWrite(written);
  }
}

/** Whether the stored status already has these values. Lists that this writer owns must also have the same length. */
function isStored(status: WhatsAppDeploymentStatus, stored: WhatsAppDeploymentStatus | undefined): boolean {
  const { conditions = [], ...rest } = status;
  const storedConditions = stored?.conditions ?? [];
  const same = (condition: Condition) => {
    const other = storedConditions.find(({ type }) => type === condition.type);
    return other !== undefined && differences(condition, other).length === 0;
  };
  const sameLength = (a: readonly unknown[] | undefined, b: readonly unknown[] | undefined) =>
    a === undefined || a.length === (b?.length ?? 0);
  const owners = (of: WhatsAppDeploymentStatus | undefined) => Object.keys(of?.shards?.owners ?? {}).length;
  const sameOwners = rest.shards === undefined || owners(rest) === owners(stored);
  return (
    conditions.every(same) &&
    differences(rest, stored ?? {}).length === 0 &&
    sameLength(rest.nodes, stored?.nodes) &&
    sameLength(rest.plan, stored?.plan) &&
    sameOwners
  );
}
