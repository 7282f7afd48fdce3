import type { Logger } from '../../src/base/logger.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import type { Credentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { freshNamespace, never, WhatsAppDeploymentKind } from './cluster.ts';
import { eventually } from './eventually.ts';
import { runTestOperator } from './runTestOperator.ts';

export interface ToldCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

type StackObject = KubeObject & {
  readonly status?: { readonly phase?: string; readonly conditions?: readonly ToldCondition[] };
};

interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

/** The operator, for one namespace of the test project's control plane, and what it tells about the stack `shop`. */
export class ScriptedStack {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly log: LogLine[] = [];
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  private constructor(client: KubeClient, namespace: string) {
    this.client = client;
    this.namespace = namespace;
  }

  /** @param credentialsIn the operator's credentials for its namespace */
  static async start(
    client: KubeClient,
    credentialsIn: (namespace: string) => Promise<Credentials>,
  ): Promise<ScriptedStack> {
    const stack = new ScriptedStack(client, await freshNamespace(client));
    const { namespace } = stack;
    // Nothing provides volumes here.
    for (const claim of ['shop-database', 'shop-media', 'waba-network'])
      await client.create(volumeFor(namespace, claim), { fieldManager: 'test' }, never);
    stack.#running = runTestOperator(
      { credentials: await credentialsIn(namespace), namespace, logger: stack.#logger() },
      stack.#stop.signal,
    );
    return stack;
  }

  async create(spec: object = {}, metadata: object = {}): Promise<void> {
    const resource: KubeObject = {
      apiVersion: WhatsAppDeploymentKind.apiVersion,
      kind: WhatsAppDeploymentKind.kind,
      metadata: { name: 'shop', namespace: this.namespace, ...metadata },
      spec: { phoneNumber: '+16315550999', topology: 'Single', ...spec },
    };
    await this.client.create(resource, { fieldManager: 'test' }, never);
  }

  /** @returns the generation of the change */
  async patch(body: object): Promise<number> {
    const target = { namespace: this.namespace, name: 'shop' };
    const { metadata } = await this.client.mergePatch<KubeObject>(
      WhatsAppDeploymentKind,
      target,
      body,
      never,
    );
    return metadata.generation ?? 0;
  }

  read(): Promise<StackObject> {
    return this.client.get<StackObject>(WhatsAppDeploymentKind, this.namespace, 'shop', never);
  }

  async condition(type: string): Promise<ToldCondition | undefined> {
    return (await this.read()).status?.conditions?.find((condition) => condition.type === type);
  }

  /** Waits for a condition; a failure shows all of them. */
  async told(type: string, expected: Partial<ToldCondition>, timeoutMs = 30_000): Promise<ToldCondition> {
    const isTold = (condition: ToldCondition | undefined) =>
      Object.entries(expected).every(([key, value]) => condition?.[key as keyof ToldCondition] === value);
    return eventually(async () => {
      const condition = await this.condition(type);
      return isTold(condition) ? condition : undefined;
    }, timeoutMs).catch(async (error: unknown) => {
      throw new Error(JSON.stringify((await this.read()).status?.conditions, null, 1), { cause: error });
    });
  }

  async events(): Promise<string[]> {
    const { items } = await this.client.list<KubeObject & { reason?: string }>(
      kinds.Event,
      { namespace: this.namespace, fieldSelector: 'involvedObject.name=shop' },
      never,
    );
    return items.map(({ reason = '' }) => reason);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #logger(): Logger {
    const at = (level: LogLine['level']) => (message: string) => void this.log.push({ level, message });
    const logger: Logger = {
      debug: () => {},
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: () => logger,
    };
    return logger;
  }
}

/** A volume for a claim, because nothing provides volumes. */
export const volumeFor = (namespace: string, claim: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: `${namespace}-${claim}` },
  spec: {
    accessModes: ['ReadWriteMany', 'ReadWriteOnce'],
    capacity: { storage: '10Gi' },
    claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: claim, namespace },
    hostPath: { path: `/tmp/${claim}` },
  },
});
