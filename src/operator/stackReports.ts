import type { Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { ControllerMetrics } from '../engine/controller/metrics.ts';
import type { Shards } from '../engine/controller/shards.ts';
import type { EventRecorder } from '../engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf } from '../engine/kube/kubeObject.ts';
import type { DriftReport } from './application/synchronise.ts';
import type { WebhookCheck } from './application/webhook.ts';
import { type Installation, registerOperatorMetrics } from './exporter/operatorMetrics.ts';
import type { CollectTarget } from './exporter/readCounters.ts';
import { StackCollector, type StackCollectorOptions } from './exporter/stackCollector.ts';
import { StackGauges } from './exporter/stackGauges.ts';
import type { ApiObservation } from './plan/facts/observed.ts';
import type { MessageCount } from './plan/fleet/stackStage.ts';
import type { WhatsAppDeployment } from './resource/whatsAppDeployment.ts';
import type { Journals } from './state/journalStore.ts';
import { parsedStacks, type StackSources } from './state/stackSources.ts';

export interface StackReportsOptions extends Pick<StackCollectorOptions, 'read'> {
  readonly registry: Registry;
  readonly metrics: Pick<ControllerMetrics, 'isWorking'>;
  /** Default: this replica works on all namespaces. */
  readonly shards?: Pick<Shards, 'open' | 'isOpen'> | undefined;
  readonly installation: Installation;
  readonly version: string;
  readonly sources: StackSources;
  readonly journals: Journals;
  readonly webhooks: WebhookCheck;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Called when a stack's API reports a change that the status shows. */
  readonly onNews: (key: string) => void;
}

/** Passes on what the application controller finds: to the plan, to metrics and as events. */
export class StackReports {
  /** The last answers of each stack's API, by key. */
  readonly observations = new Map<string, ApiObservation>();
  readonly #options: StackReportsOptions;
  readonly #collector: StackCollector;
  readonly #gauges: StackGauges;

  constructor(options: StackReportsOptions) {
    this.#options = options;
    const isOurs = (name: string) =>
      name.startsWith('waba_') || options.registry.getSingleMetric(name) !== undefined;
    this.#collector = new StackCollector({ ...options, isOurs });
    registerOperatorMetrics(options);
    this.#gauges = new StackGauges(options.registry, {
      stacks: () =>
        parsedStacks(options.sources.stacks.cache.list())
          .filter(({ metadata }) => options.shards?.isOpen(metadata.namespace) ?? true)
          .map((resource) => this.#measured(resource)),
      isWorking: () => options.metrics.isWorking,
    });
  }

  /** For the application controller. */
  readonly listeners = {
    onObservation: (key: string, observation: ApiObservation | undefined): void => {
      const before = this.observations.get(key);
      if (observation) this.observations.set(key, observation);
      else this.observations.delete(key);
      if (shown(before) !== shown(observation)) this.#options.onNews(key);
    },
    onTarget: (key: string, target: CollectTarget | undefined): void => {
      this.#collector.follow(key, target);
      if (!target) this.#gauges.forget(key);
    },
    onDrift: (resource: WhatsAppDeployment, report: DriftReport): void => {
      this.#gauges.drift(resource, report);
      if (report.fields.length === 0 || !report.isRepaired) return;
      this.#options.recorder.record(resource as unknown as KubeObject, {
        type: 'Warning',
        reason: 'DriftRepaired',
        message: `another client changed the stack; the operator set these fields back to spec: ${report.fields.join(', ')}`,
      });
    },
  };

  /** Counters of the stacks in Prometheus' text format. */
  metrics(): string {
    return this.#collector.text();
  }

  /** Messages that a stack sent and that failed, since its nodes started; undefined while nobody has counted them. */
  messages(key: string): MessageCount | undefined {
    const of = (status: string) => this.#collector.total(key, 'out_message_status', { status });
    const [sent, failed] = [of('sent'), of('failed')];
    return sent === undefined || failed === undefined ? undefined : { sent, failed };
  }

  close(): void {
    this.#collector.close();
  }

  #measured(resource: WhatsAppDeployment) {
    const { journals, webhooks } = this.#options;
    const key = keyOf(resource as unknown as KubeObject);
    const probe = webhooks.lastProbe(key);
    return {
      resource,
      api: this.observations.get(key),
      journal: readable(() => journals.read(resource)),
      webhook:
        probe && probe.skipped === undefined
          ? {
              seconds: probe.latencyMs / 1000,
              failed: probe.problem === undefined ? undefined : probe.layer,
            }
          : undefined,
    };
  }
}

/** The status says that a journal cannot be read; metrics of other stacks do not depend on it. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The part of an observation that the status shows, without values that always change, such as the clocks of nodes. */
const shown = (observation: ApiObservation | undefined): string =>
  JSON.stringify(
    observation && [
      observation.podsSeen,
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
