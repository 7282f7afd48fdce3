import { Gauge, type Registry } from 'prom-client';
import type { ControllerMetrics } from '../../engine/controller/metrics.ts';

/** Namespace and name of an installation of the operator. Its replicas share them. */
export interface Installation {
  readonly namespace: string;
  readonly name: string;
}

interface OperatorMetricsOptions {
  readonly registry: Registry;
  readonly metrics: Pick<ControllerMetrics, 'isWorking'>;
  readonly installation: Installation;
  readonly version: string;
}

/**
 * Registers what the process says about itself. Memory, event loop, queues and reconciles have the names that all
 * processes and all controllers use: a query tells those of this operator by `job` and `instance` of `waba_operator_info`.
 */
export function registerOperatorMetrics({
  registry,
  metrics,
  installation: { namespace, name },
  version,
}: OperatorMetricsOptions): void {
  const installation = `${namespace}/${name}`;
  new Gauge({
    name: 'waba_operator_info',
    help: 'Version and installation of the operator, always 1',
    labelNames: ['version', 'installation'],
    registers: [registry],
  }).set({ version, installation }, 1);
  new Gauge({
    name: 'waba_operator_working',
    help: 'Whether this replica acts on the stacks: 1, or 0 while it starts or another one leads',
    labelNames: ['installation'],
    registers: [registry],
    collect() {
      this.set({ installation }, Number(metrics.isWorking));
    },
  });
}
