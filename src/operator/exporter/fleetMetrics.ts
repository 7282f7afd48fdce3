import { Gauge, type Registry } from 'prom-client';
import type { WhatsAppFleet } from '../resource/whatsAppFleet.ts';

interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** `namespace` and `fleet` tell fleets apart. */
export const FLEET_LABELS = ['namespace', 'fleet'] as const;

/** The states of stacks in the status of a ring, by the label `state`. */
const STATES = ['updated', 'rolling', 'waiting', 'held', 'failed'] as const;

export const FLEET_METRICS: readonly {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: (fleet: WhatsAppFleet) => readonly Sample[];
}[] = [
  {
    name: 'waba_fleet_stacks',
    help: 'Stacks of a fleet by ring and state: updated, rolling, waiting, held or failed',
    labels: ['ring', 'state'],
    read: ({ status }) =>
      (status?.rings ?? []).flatMap((ring) =>
        STATES.map((state) => ({ value: ring[state], labels: { ring: ring.name, state } })),
      ),
  },
  {
    name: 'waba_fleet_condition',
    help: 'Condition of a fleet, Complete or Halted: 1 True, 0 False',
    labels: ['condition', 'reason'],
    read: ({ status }) =>
      (status?.conditions ?? []).map(({ type, status: value, reason }) => ({
        value: Number(value === 'True'),
        labels: { condition: type, reason },
      })),
  },
];

interface FleetMetricsOptions {
  readonly registry: Registry;
  readonly fleets: () => readonly WhatsAppFleet[];
  /** Whether this replica acts: of two that export the same, one would be behind. */
  readonly isWorking: () => boolean;
}

/** Registers the metrics of fleets, computed at each scrape from their status. */
export function registerFleetMetrics({ registry, fleets, isWorking }: FleetMetricsOptions): void {
  for (const { name, help, labels, read } of FLEET_METRICS)
    new Gauge<string>({
      name,
      help,
      labelNames: [...FLEET_LABELS, ...labels],
      registers: [registry],
      collect() {
        this.reset();
        for (const fleet of isWorking() ? fleets() : []) {
          const own = { namespace: fleet.metadata.namespace, fleet: fleet.metadata.name };
          for (const sample of read(fleet)) this.set({ ...own, ...sample.labels }, sample.value);
        }
      },
    });
}
