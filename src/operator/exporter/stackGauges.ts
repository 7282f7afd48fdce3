import { Gauge, type Registry } from 'prom-client';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { DriftCounter } from './driftCounter.ts';
import { STACK_LABELS, stackLabelsOf } from './stackLabels.ts';
import { STACK_METRICS, type StackView } from './stackMetrics.ts';

interface StackGaugesOptions {
  readonly stacks: () => readonly StackView[];
  /**
   * Whether this replica acts on the stacks. One that waits to lead has asked no stack, so that its samples would contradict
   * those of the leader.
   */
  readonly isWorking: () => boolean;
}

/** Registers the operator's metrics of stacks, which are computed when Prometheus scrapes. */
export class StackGauges {
  readonly #drift: DriftCounter;

  constructor(registry: Registry, { stacks, isWorking }: StackGaugesOptions) {
    const drift = new DriftCounter(registry);
    this.#drift = drift;
    for (const { name, help, labels, read } of STACK_METRICS)
      new Gauge<string>({
        name,
        help,
        labelNames: [...STACK_LABELS, ...labels],
        registers: [registry],
        collect() {
          this.reset();
          for (const view of isWorking() ? stacks() : []) {
            const own = stackLabelsOf(view.resource);
            // A date that cannot be parsed gives no sample.
            for (const sample of read({ ...view, driftedFields: drift.left(view.resource) }))
              if (Number.isFinite(sample.value)) this.set({ ...own, ...sample.labels }, sample.value);
          }
        },
      });
  }

  /** Counts drift. */
  drift(
    resource: WhatsAppDeployment,
    report: { readonly fields: readonly string[]; readonly isRepaired: boolean },
  ): void {
    this.#drift.report(resource, report);
  }

  /** Drops the counts of a deleted stack. */
  forget(key: string): void {
    this.#drift.forget(key);
  }
}
