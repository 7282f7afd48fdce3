import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { Controller } from '../engine/controller/controller.ts';
import { runManager } from '../engine/controller/manager.ts';
import { ControllerMetrics } from '../engine/controller/metrics.ts';
import { RollBudget } from '../engine/controller/rollBudget.ts';
import { Sources } from '../engine/controller/sources.ts';
import { Applier } from '../engine/kube/applier.ts';
import { KubeClient } from '../engine/kube/client.ts';
import type { Credentials } from '../engine/kube/credentials.ts';
import { missingFromServer } from '../engine/kube/discovery.ts';
import { EventRecorder } from '../engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf } from '../engine/kube/kubeObject.ts';
import { LeaderElection } from '../engine/kube/leaderElection.ts';
import { HttpsTransport, type KubeRequest } from '../engine/kube/transport.ts';
import { ApplicationReconciler } from './application/applicationReconciler.ts';
import { StackSessions } from './application/stackSession.ts';
import { WebhookCheck } from './application/webhook.ts';
import { probeWebhook } from './application/webhookProbe.ts';
import { StackCollector } from './exporter/stackCollector.ts';
import { StackGauges } from './exporter/stackGauges.ts';
import { ANNOTATION_PREFIX, FIELD_MANAGER } from './plan/facts/names.ts';
import type { ApiObservation } from './plan/facts/observed.ts';
import type { ReleaseImages } from './plan/facts/release.ts';
import { JournalStore } from './state/journalStore.ts';
import { ReferencedSecrets } from './state/referencedSecrets.ts';
import { StackNamespaces } from './state/stackNamespaces.ts';
import {
  OPTIONAL_KINDS,
  onStackChange,
  parsedStacks,
  type StackSources,
  watchStacks,
} from './state/stackSources.ts';
import { StatusWriter } from './state/statusWriter.ts';
import { WorkloadsReconciler } from './workloads/workloadsReconciler.ts';

export interface OperatorOptions {
  readonly credentials: Credentials;
  readonly version: string;
  readonly release: ReleaseImages;
  /** Empty for all. */
  readonly namespaces: readonly string[];
  readonly health: { readonly host: string; readonly port: number };
  /** Name of the installation and its namespace: its replicas share one, and two never work in one namespace. */
  readonly installation: { readonly namespace: string; readonly name: string };
  /** Name of this replica; without it this is the only one. */
  readonly replica?: string | undefined;
  /** Stacks that may restart pods at the same time. */
  readonly maxRollingStacks?: number | undefined;
  /** Reconciles at a time, for each of the two controllers. */
  readonly workers?: number | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

export const OPERATOR_DEFAULTS = {
  /** A bad change stops here, and a node drain's worth of restarts is bearable. */
  maxRollingStacks: 10,
  workers: 4,
  /** Streaming lists are there by default from 1.32 on. */
  minimumKubernetes: '1.32',
} as const;

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
        observer: metrics.requests,
        ...(fence ? { fence } : {}),
      }),
    );
  const { installation, replica } = options;
  const election =
    replica === undefined
      ? undefined
      : new LeaderElection({ client: connect(), ...installation, identity: replica, clock, random, logger });
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
  const enqueue = (key: string, reason: string) => {
    for (const { queue } of [workloads, application]) queue.add(key, 'change', reason);
  };
  const namespacesOfStacks = new StackNamespaces(
    {
      client,
      sources,
      stackSources,
      recorder,
      installation,
      listed: namespaces,
      clock,
      random,
      logger,
      onOurs: (stacks, reason) => {
        for (const stack of stacks) enqueue(keyOf(stack), reason);
      },
    },
    signal,
  );
  const context = {
    sources: stackSources,
    journals,
    referenced: new ReferencedSecrets(client, stackSources.secrets),
    observations,
    missing: (namespace: string) => namespacesOfStacks.missing(namespace),
  };
  const rollBudget = new RollBudget(options.maxRollingStacks ?? OPERATOR_DEFAULTS.maxRollingStacks, (key) =>
    workloads.queue.add(key, 'change', 'may roll now'),
  );

  const workloads: Controller = new Controller({
    name: 'workloads',
    clock,
    random,
    logger,
    metrics,
    workers: options.workers ?? OPERATOR_DEFAULTS.workers,
    reconcile: namespacesOfStacks.whereOurs(
      new WorkloadsReconciler({
        ...context,
        client,
        applier: new Applier({
          client,
          fieldManager: FIELD_MANAGER,
          annotationPrefix: ANNOTATION_PREFIX,
          recorder,
          clock,
        }),
        recorder,
        rollBudget,
        release,
        clock,
        logger,
        isBusy: (key) => application.queue.isWorkedOn(key),
      }).reconcile,
    ),
  });
  const webhooks = new WebhookCheck(probeWebhook);
  const collector = new StackCollector({ clock, random, logger });
  const gauges = new StackGauges(registry, () =>
    parsedStacks(stackSources.stacks.cache.list()).map((resource) => {
      const key = keyOf(resource as unknown as KubeObject);
      const probe = webhooks.lastProbe(key);
      return {
        resource,
        api: observations.get(key),
        journal: journals.read(resource),
        webhook: probe && {
          seconds: probe.latencyMs / 1000,
          failed: probe.problem === undefined ? undefined : probe.layer,
        },
      };
    }),
  );
  const application: Controller = new Controller({
    name: 'application',
    clock,
    random,
    logger,
    metrics,
    workers: options.workers ?? OPERATOR_DEFAULTS.workers,
    reconcile: namespacesOfStacks.whereOurs(
      new ApplicationReconciler({
        ...context,
        sessions: new StackSessions({ clock, ...(fence ? { fence } : {}) }),
        webhooks,
        recorder,
        clock,
        random,
        status: new StatusWriter(client, stackSources.stacks, 'waba-operator-application'),
        onObservation: (key, observation) => {
          const before = observations.get(key);
          if (observation) observations.set(key, observation);
          else observations.delete(key);
          if (essence(before) !== essence(observation))
            workloads.queue.add(key, 'change', 'the API says something new');
        },
        onTarget: (key, target) => {
          collector.follow(key, target);
          if (!target) gauges.forget(key);
        },
        onDrift: (resource, report) => {
          gauges.drift(resource, report);
          if (report.fields.length === 0 || !report.isRepaired) return;
          const message = `changed by hand and set back: ${report.fields.join(', ')}`;
          recorder.record(resource as unknown as KubeObject, {
            type: 'Warning',
            reason: 'DriftRepaired',
            message,
          });
        },
      }).reconcile,
    ),
  });
  onStackChange(stackSources, enqueue);
  void reportServer(client, stackSources, logger, signal);
  await runManager(
    {
      sources,
      controllers: [workloads, application],
      registry,
      moreMetrics: () => collector.text(),
      metrics,
      clock,
      logger,
      health: options.health,
      ...(election ? { leaderElection: { name: installation.name, election } } : {}),
      beforeRelease: async (patience) => {
        await recorder.flush(patience);
        await namespacesOfStacks.release();
      },
    },
    signal,
  );
  collector.close();
  client.transport.close();
}

/** Says at the start, in one line each, what the cluster lacks; readiness goes on saying it. */
async function reportServer(
  client: KubeClient,
  sources: StackSources,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const kinds = [...sources.children, sources.pods, sources.stacks]
    .map(({ kind }) => kind)
    .filter((kind) => !OPTIONAL_KINDS.includes(kind));
  const requirements = { kinds, minimumVersion: OPERATOR_DEFAULTS.minimumKubernetes };
  const problems = await missingFromServer(client, requirements, signal).catch((error: unknown) => {
    logger.debug('discovery failed', { error });
    return [];
  });
  for (const problem of problems) logger.error(problem);
}

/** The part of an observation that status shows; the clocks of nodes go on without being news. */
const essence = (observation: ApiObservation | undefined): string =>
  JSON.stringify(
    observation && [
      observation.health,
      observation.shards,
      Object.entries(observation.support).map(([node, { shards, version, role }]) => [
        node,
        shards,
        version,
        role,
      ]),
    ],
  );
