import { Gauge, type Registry } from 'prom-client';

/** Namespace and name of an installation of the operator. Its replicas share them. */
export interface Installation {
  readonly namespace: string;
  readonly name: string;
}

interface OperatorMetricsOptions {
  readonly registry: Registry;
  /** Whether the controllers run; read at each scrape. */
  readonly metrics: { readonly isWorking: boolean };
  readonly shards?: { readonly open: readonly number[] } | undefined;
  readonly installation: Installation;
  readonly version: string;
}

/**
 * What the process says about itself. Memory, event loop, queues and reconciles have the names that all processes and all
 * controllers use: a query tells those of this operator by `job` and `instance` of `waba_operator_info`.
 */
export const OPERATOR_METRICS = [
  {
    name: 'waba_operator_info',
    help: 'Version and installation of the operator, always 1',
    labels: ['version', 'installation'],
    read: ({ version, installation }) => ({ value: 1, labels: { version, installation } }),
  },
  {
    name: 'waba_operator_working',
    help: 'Whether this replica acts on stacks: 1, or 0 while it starts or others do',
    labels: ['installation'],
    read: ({ installation, isWorking }) => ({ value: Number(isWorking), labels: { installation } }),
  },
  {
    name: 'waba_operator_shards_held',
    help: 'Shards of the namespaces on which this replica works; 1 or 0 while namespaces are not divided',
    labels: ['installation'],
    read: ({ installation, shardsHeld }) => ({ value: shardsHeld, labels: { installation } }),
  },
] as const satisfies readonly OperatorMetric[];

interface OperatorMetric {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: (process: {
    readonly version: string;
    /** `namespace/name`. */
    readonly installation: string;
    readonly isWorking: boolean;
    readonly shardsHeld: number;
  }) => { readonly value: number; readonly labels: Readonly<Record<string, string>> };
}

/** Registers the metrics of the process, computed at each scrape. */
export function registerOperatorMetrics(options: OperatorMetricsOptions): void {
  const { registry, metrics, installation, version, shards } = options;
  for (const { name, help, labels, read } of OPERATOR_METRICS)
    new Gauge<string>({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect() {
        const { isWorking } = metrics;
        const sample = read({
          version,
          installation: `${installation.namespace}/${installation.name}`,
          isWorking,
          shardsHeld: shards?.open.length ?? Number(isWorking),
        });
        this.set(sample.labels, sample.value);
      },
    });
}
