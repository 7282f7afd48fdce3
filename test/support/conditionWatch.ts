import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { ObjectCache } from '../../src/engine/kube/objectCache.ts';
import { Reflector } from '../../src/engine/kube/reflector.ts';
import { WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';

interface Seen {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

type StackObject = KubeObject & {
  readonly status?: { readonly conditions?: readonly (Seen & { readonly type: string })[] };
};

/** Everything that a condition of one stack has said, in order, by a watch of its own. */
export class ConditionWatch {
  readonly seen: Seen[] = [];
  readonly #stop = new AbortController();

  static async start(
    client: KubeClient,
    { namespace, name, type }: { namespace: string; name: string; type: string },
  ): Promise<ConditionWatch> {
    const watch = new ConditionWatch();
    const reflector = new Reflector<StackObject>({
      client,
      namespace,
      clock: systemClock,
      random: Math.random,
      kind: WhatsAppDeploymentKind,
      fieldSelector: `metadata.name=${name}`,
      cache: new ObjectCache(),
      onChange: ({ object }) => watch.#take(object, type),
      logger: silentLogger,
    });
    void reflector.run(watch.#stop.signal);
    await reflector.synced;
    return watch;
  }

  close(): void {
    this.#stop.abort();
  }

  #take({ status }: StackObject, type: string): void {
    const now = status?.conditions?.find((condition) => condition.type === type);
    const last = this.seen.at(-1);
    if (now && (now.status !== last?.status || now.reason !== last.reason || now.message !== last.message))
      this.seen.push({ status: now.status, reason: now.reason, message: now.message });
  }
}
