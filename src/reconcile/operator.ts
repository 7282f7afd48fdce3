import { collectDefaultMetrics, Registry } from 'prom-client';
import { Controller } from '../controller/controller.ts';
import { runManager } from '../controller/manager.ts';
import { ControllerMetrics } from '../controller/metrics.ts';
import { Sources } from '../controller/sources.ts';
import { Applier } from '../kube/applier.ts';
import { KubeClient } from '../kube/client.ts';
import type { Credentials } from '../kube/credentials.ts';
import { EventRecorder } from '../kube/eventRecorder.ts';
import { LeaderElection } from '../kube/leaderElection.ts';
import { HttpsTransport, type KubeRequest } from '../kube/transport.ts';
import { FIELD_MANAGER } from '../plan/names.ts';
import type { ApiObservation } from '../plan/observed.ts';
import type { ReleaseImages } from '../plan/stackSettings.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { ApplicationReconciler } from './applicationReconciler.ts';
import { JournalStore } from './journalStore.ts';
import { ReferencedSecrets } from './referencedSecrets.ts';
import { StackSessions } from './stackSession.ts';
import { onStackChange, watchStacks } from './stackSources.ts';
import { WorkloadsReconciler } from './workloadsReconciler.ts';

export interface OperatorOptions {
  readonly credentials: Credentials;
  readonly version: string;
  readonly release: ReleaseImages;
  /** Empty for all. */
  readonly namespaces: readonly string[];
  readonly health: { readonly host: string; readonly port: number };
  /** Name of this replica and namespace of its Lease; without it this is the only one. */
  readonly leaderElection?: { readonly namespace: string; readonly identity: string } | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** The operator: two controllers over shared watches, until `signal` fires. */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const { credentials, version, release, namespaces, clock, random, logger } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = new ControllerMetrics(registry);
  const userAgent = `waba-operator/${version}`;
  const connect = (fence?: (request: KubeRequest) => void) =>
    new KubeClient(
      new HttpsTransport({
        credentials,
        clock,
        userAgent,
        observe: (method, code, durationMs) => metrics.request(method, code, durationMs),
        ...(fence ? { fence } : {}),
      }),
    );
  const election =
    options.leaderElection &&
    new LeaderElection({
      client: connect(),
      name: 'waba-operator',
      ...options.leaderElection,
      clock,
      random,
      logger,
    });
  // Whoever is no leader any more may still look, and must not touch.
  const fence =
    election &&
    (({ method }: { readonly method: string }) => void (method === 'GET' || election.assertLeader()));
  const client = connect(fence);

  const sources = new Sources({ client, namespaces, clock, random, logger, registry });
  const stackSources = watchStacks(sources);
  const secrets = stackSources.children.find(({ kind }) => kind.kind === 'Secret');
  if (!secrets) throw new Error('Secrets are not watched');
  const journals = new JournalStore(client, secrets);
  const recorder = new EventRecorder({ client, component: 'waba-operator', clock, logger });
  const observations = new Map<string, ApiObservation>();
  const context = {
    sources: stackSources,
    journals,
    referenced: new ReferencedSecrets(client, stackSources.secrets),
    observations,
  };

  const workloads: Controller = new Controller({
    name: 'workloads',
    clock,
    random,
    logger,
    metrics,
    reconcile: new WorkloadsReconciler({
      ...context,
      client,
      applier: new Applier({ client, fieldManager: FIELD_MANAGER, recorder, clock }),
      recorder,
      release,
      clock,
      logger,
    }).reconcile,
  });
  const application = new Controller({
    name: 'application',
    clock,
    random,
    logger,
    metrics,
    reconcile: new ApplicationReconciler({
      ...context,
      client,
      sessions: new StackSessions({ clock, ...(fence ? { fence } : {}) }),
      clock,
      random,
      onObservation: (key, observation) => {
        const before = observations.get(key);
        if (observation) observations.set(key, observation);
        else observations.delete(key);
        if (essence(before) !== essence(observation)) workloads.queue.add(key);
      },
    }).reconcile,
  });
  onStackChange(stackSources, (key) => {
    workloads.queue.add(key);
    application.queue.add(key);
  });
  await runManager(
    {
      sources,
      controllers: [workloads, application],
      registry,
      logger,
      health: options.health,
      ...(election ? { leaderElection: election } : {}),
    },
    signal,
  );
  client.transport.close();
}

/** The part of an observation that status shows; the clocks of nodes go on without being news. */
const essence = (observation: ApiObservation | undefined): string =>
  JSON.stringify(
    observation && [
      observation.health,
      Object.entries(observation.support).map(([node, { shards, version, role }]) => [
        node,
        shards,
        version,
        role,
      ]),
    ],
  );
