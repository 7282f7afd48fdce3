import { Gauge, type Registry } from 'prom-client';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { DriftCounter } from './driftCounter.ts';
import { STACK_LABELS, stackLabelsOf } from './stackLabels.ts';
import { STACK_METRICS, type StackView } from './stackMetrics.ts';

/** Registers the operator's metrics of stacks. They are read from what the operator knows when Prometheus scrapes. */
export class StackGauges {
  readonly #drift: DriftCounter;

  constructor(registry: Registry, stacks: () => readonly StackView[]) {
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
          for (const view of stacks()) {
            const own = stackLabelsOf(view.resource);
            // An unreadable date is no sample.
            for (const sample of read({ ...view, driftedFields: drift.left(view.resource) }))
              if (Number.isFinite(sample.value)) this.set({ ...own, ...sample.labels }, sample.value);
          }
        },
      });
  }

  /** Counts what somebody changed by hand. */
  drift(
    resource: WhatsAppDeployment,
    report: { readonly fields: readonly string[]; readonly isRepaired: boolean },
  ): void {
    this.#drift.report(resource, report);
  }

  /** Drops what was counted of a stack that is gone. */
  forget(key: string): void {
    this.#drift.forget(key);
  }
}
