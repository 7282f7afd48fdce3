import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { GatewayClient } from '../client/gatewayClient.ts';
import { Controller, type Reconcile } from '../engine/controller/controller.ts';
import { runManager } from '../engine/controller/manager.ts';
import { ControllerMetrics } from '../engine/controller/metrics.ts';
import { RollBudget } from '../engine/controller/rollBudget.ts';
import { Sources } from '../engine/controller/sources.ts';
import { Applier } from '../engine/kube/applier.ts';
import type { KubeClient } from '../engine/kube/client.ts';
import type { Credentials } from '../engine/kube/credentials.ts';
import { missingFromServer } from '../engine/kube/discovery.ts';
import { EventRecorder } from '../engine/kube/eventRecorder.ts';
import { keyOf, splitKey } from '../engine/kube/kubeObject.ts';
import type { ApiEncoding } from '../engine/kube/transport.ts';
import { ApplicationReconciler } from './application/applicationReconciler.ts';
import type { ProbeScope } from './application/probeTargets.ts';
import { StackSessions, type StackSessionsOptions } from './application/stackSession.ts';
import { WebhookCheck } from './application/webhook.ts';
import { probeWebhook } from './application/webhookProbe.ts';
import { BackupsReconciler } from './backups/backupsReconciler.ts';
import { StackRestores } from './backups/stackRestores.ts';
import { type Connection, connect } from './connection.ts';
import type { Installation } from './exporter/operatorMetrics.ts';
import type { StackCollectorOptions } from './exporter/stackCollector.ts';
import { clientOfClaims, fencedClients } from './fencedClients.ts';
import { type FleetsControllerOptions, fleetsController } from './fleets/fleetsController.ts';
import { ANNOTATION_PREFIX, FIELD_MANAGER } from './plan/facts/names.ts';
import type { PodSecurity } from './plan/facts/podSecurity.ts';
import type { ReleaseImages } from './plan/facts/release.ts';
import type { RestoreNews } from './plan/facts/restore.ts';
import type { ClusterField } from './resource/databaseClusters.ts';
import { StackReports } from './stackReports.ts';
import { JournalStore } from './state/journalStore.ts';
import { ReferencedSecrets } from './state/referencedSecrets.ts';
import { RivalStacks } from './state/rivalStacks.ts';
import { SecretLabels } from './state/secretLabels.ts';
import { StackNamespaces } from './state/stackNamespaces.ts';
import {
  ABSENTABLE_KINDS,
  deploymentOf,
  onBackupChange,
  onStackChange,
  type StackSources,
  watchStacks,
} from './state/stackSources.ts';
import { StatusWriter } from './state/statusWriter.ts';
import { WorkloadsReconciler } from './workloads/workloadsReconciler.ts';

export interface OperatorOptions {
  readonly credentials: Credentials;
  /** How the API server writes built-in kinds; default `protobuf`. */
  readonly apiEncoding?: ApiEncoding | undefined;
  readonly version: string;
  readonly release: ReleaseImages;
  /** Namespaces to watch; empty for all. */
  readonly namespaces: readonly string[];
  readonly health: { readonly host: string; readonly port: number };
  /** Namespace and name of the installation. Its replicas share them; two installations never work in one namespace. */
  readonly installation: Installation;
  /** Name of this replica; undefined if there is only one. */
  readonly replica?: string | undefined;
  /** Into how many parts the replicas divide the namespaces; default 1. */
  readonly shards?: number | undefined;
  /** How many stacks may restart pods at the same time. */
  readonly maxRollingStacks?: number | undefined;
  /** Concurrent reconciles of each controller of stacks. */
  readonly workers?: number | undefined;
  /** What users may give the pods of a stack. */
  readonly podSecurity?: PodSecurity | undefined;
  /** Operators whose database clusters stacks may use, because this one may look at them. None unless given. */
  readonly databaseOperators?: readonly ClusterField[] | undefined;
  /** Which webhook receivers the operator itself may connect to. */
  readonly webhookProbes?: ProbeScope | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

export const OPERATOR_DEFAULTS = {
  /** Limits the damage of a bad change; no more restarts at a time than a node drain causes. */
  maxRollingStacks: 10,
  workers: 4,
  podSecurity: 'Restricted',
  webhookProbes: 'Public',
  /** One replica works, the others wait. */
  shards: 1,
  /** The first version with streaming lists by default. */
  minimumKubernetes: '1.32',
} as const;

/** Runs the operator, its controllers over shared watches, until `signal` fires. */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const { namespaces, clock, random, logger } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = new ControllerMetrics(registry);
  const connection = connect({ ...options, metrics });
  const { client, shards } = connection;
  const sources = new Sources({ client, namespaces, shards, clock, random, logger, registry });
  const stackSources = watchStacks(sources, options.databaseOperators);
  const recorder = new EventRecorder({ client, component: 'waba-operator', clock, logger });
  const parts = { ...options, ...connection, registry, metrics, sources, stackSources, recorder };
  const { workloads, application, backups, fleets, reports, claimed, forget } = controllers(parts, signal);
  void reportServer(client, stackSources, logger, signal);
  await runManager(
    {
      sources,
      controllers: [workloads, application, backups, fleets],
      registry,
      moreMetrics: () => reports.metrics(),
      metrics,
      clock,
      logger,
      health: options.health,
      shards,
      onOpen: () => claimed.begin(),
      beforeRelease: async (patience, shard) => {
        await recorder.flush(patience);
        // Other replicas go on with the claims of this installation.
        if (shards && shards.count > 1)
          await claimed.leave((namespace) => shards.shardOf(namespace) === shard);
        else await claimed.release();
      },
      onEnd: forget,
    },
    signal,
  );
  reports.close();
  client.transport.close();
}

/** What the controllers work with. */
export interface Parts extends Omit<OperatorOptions, 'credentials' | 'health' | 'shards'>, Connection {
  readonly registry: Registry;
  readonly metrics: ControllerMetrics;
  readonly sources: Sources;
  readonly stackSources: StackSources;
  readonly recorder: EventRecorder;
  /** How the API of a stack is reached, and its counters; over HTTPS unless given. */
  readonly connectStack?: NonNullable<StackSessionsOptions['connect']>;
  readonly read?: NonNullable<StackCollectorOptions['read']>;
}

/** The controllers and the objects that they share. */
export function controllers(parts: Parts, signal: AbortSignal) {
  const { namespaces, stackSources, recorder, clock, random } = parts;
  const onOurs = (keys: readonly string[], reason: string) => {
    for (const key of keys) {
      enqueue(key, reason);
      backups.queue.add(key, 'change', reason);
    }
    for (const fleet of stackSources.fleets.cache.list()) fleets.queue.add(keyOf(fleet), 'change', reason);
  };
  const claimed = new StackNamespaces(
    { ...parts, client: clientOfClaims(parts), listed: namespaces, onOurs },
    signal,
  );
  const { client, clientOf, stackFence } = fencedClients(parts, claimed);
  const journals = new JournalStore(client, stackSources.secretsOfStacks);
  const webhooks = new WebhookCheck((target, signal) =>
    probeWebhook(target, parts.webhookProbes ?? OPERATOR_DEFAULTS.webhookProbes, signal),
  );
  const gateways = new GatewayClient(clock);
  const enqueue = (key: string, reason: string) => {
    for (const { queue } of [workloads, application]) queue.add(key, 'change', reason);
  };
  const onNews = (key: string) => workloads.queue.add(key, 'change', "the stack's API reported a change");
  const reports = new StackReports({ ...parts, sources: stackSources, journals, webhooks, onNews });
  const rivals = new RivalStacks(stackSources);
  const restores = new Map<string, RestoreNews>();
  const onRestore = (key: string) => workloads.queue.add(key, 'change', 'news of its restore');
  const context = {
    rivals,
    sources: stackSources,
    journals,
    referenced: new ReferencedSecrets(client, stackSources.secrets),
    secretLabels: new SecretLabels(client, stackSources, recorder),
    observations: reports.observations,
    restores,
    missing: (namespace: string) => claimed.missing(namespace),
    isBackingUp: (key: string) => backups.queue.isWorkedOn(key),
  };
  const stackKeys = () => stackSources.stacks.cache.keys();
  const controller = (name: string, reconcile: Reconcile, known = stackKeys): Controller =>
    new Controller({
      ...parts,
      name,
      workers: parts.workers ?? OPERATOR_DEFAULTS.workers,
      known,
      reconcile: claimed.whereOurs(reconcile),
    });
  const workloadsReconciler = new WorkloadsReconciler({
    ...parts,
    ...context,
    client,
    podSecurity: parts.podSecurity ?? OPERATOR_DEFAULTS.podSecurity,
    gateways,
    operatorNamespace: parts.installation.namespace,
    applier: new Applier({
      ...parts,
      client,
      fieldManager: FIELD_MANAGER,
      annotationPrefix: ANNOTATION_PREFIX,
    }),
    rollBudget: new RollBudget(
      () => rollLimit(parts),
      (key) => workloads.queue.add(key, 'change', 'may roll now'),
    ),
    isBusy: (key) => application.queue.isWorkedOn(key),
  });
  const applicationReconciler = new ApplicationReconciler({
    ...context,
    sessions: new StackSessions({
      clock,
      fence: ({ method }, key) => stackFence(method, splitKey(key).namespace),
      ...(parts.connectStack ? { connect: parts.connectStack } : {}),
    }),
    webhooks,
    gateways,
    recorder,
    clock,
    random,
    status: new StatusWriter(client, stackSources.stacks, 'waba-operator-application'),
    ...reports.listeners,
  });
  const workloads: Controller = controller('workloads', workloadsReconciler.reconcile);
  const application: Controller = controller('application', applicationReconciler.reconcile);
  const ofBackups = { ...parts, ...context, client, news: restores, onNews: onRestore };
  const stackRestores = new StackRestores(ofBackups);
  const backups: Controller = controller(
    'backups',
    inTurn(stackRestores.reconcile, new BackupsReconciler(ofBackups).reconcile),
    () => [...stackKeys(), ...stackSources.backups.cache.list().map(deploymentOf)],
  );
  const fleets: Controller = fleetsOf({ ...parts, ...context, client, clientOf }, claimed, reports);
  onStackChange(stackSources, rivals, enqueue);
  onBackupChange(stackSources, (key, reason) => backups.queue.add(key, 'change', reason));
  const memories = [workloadsReconciler, applicationReconciler, stackRestores];
  const forget = () => forgetOthers(parts, memories, claimed);
  return { workloads, application, backups, fleets, reports, claimed, forget };
}

/** Another replica works on the namespaces that this one no longer watches. */
function forgetOthers(
  { shards, stackSources }: Parts,
  memories: readonly { forget(key: string): void }[],
  claimed: StackNamespaces,
): void {
  const isLeft = (namespace: string) => shards?.watches(namespace) === false;
  const left = stackSources.stacks.cache.keys().filter((key) => isLeft(splitKey(key).namespace));
  for (const key of left) for (const memory of memories) memory.forget(key);
  void claimed.leave(isLeft);
}

/** The share of this replica: all of them together restart no more stacks at a time than one would. */
function rollLimit({ maxRollingStacks = OPERATOR_DEFAULTS.maxRollingStacks, shards }: Parts): number {
  if (!shards) return maxRollingStacks;
  return Math.max(1, Math.floor((maxRollingStacks * shards.open.length) / shards.count));
}

/** The controller of fleets. */
const fleetsOf = (
  parts: Omit<Parts, 'sources'> & Pick<FleetsControllerOptions, 'client' | 'clientOf' | 'missing'>,
  claimed: StackNamespaces,
  reports: StackReports,
): Controller =>
  fleetsController({
    ...parts,
    sources: parts.stackSources,
    operatorNamespace: parts.installation.namespace,
    isDivided: (parts.shards?.count ?? 1) > 1,
    counters: (stack) => reports.messages(stack),
    whereOurs: (reconcile, isLeft) => claimed.whereOurs(reconcile, isLeft),
  });

/** One after the other; whichever wants to look again first decides. */
const inTurn =
  (...parts: readonly Reconcile[]): Reconcile =>
  async (key, signal, logger) => {
    const waitsMs: number[] = [];
    for (const reconcile of parts) {
      const { requeueAfterMs } = await reconcile(key, signal, logger);
      if (requeueAfterMs !== undefined) waitsMs.push(requeueAfterMs);
    }
    return waitsMs.length > 0 ? { requeueAfterMs: Math.min(...waitsMs) } : {};
  };

/** Logs at the start what the cluster lacks, one line each; the readiness endpoint keeps reporting it. */
async function reportServer(
  client: KubeClient,
  sources: StackSources,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const kinds = [...sources.children, sources.pods, sources.stacks]
    .map(({ kind }) => kind)
    .filter((kind) => !ABSENTABLE_KINDS.includes(kind));
  const requirements = { kinds, minimumVersion: OPERATOR_DEFAULTS.minimumKubernetes };
  const problems = await missingFromServer(client, requirements, signal).catch((error: unknown) => {
    logger.debug('discovery failed', { error });
    return [];
  });
  for (const problem of problems) logger.error(problem);
}
