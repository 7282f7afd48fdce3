import { Counter, type Registry } from 'prom-client';
import { objectKey } from '../../engine/kube/kubeObject.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { STACK_LABELS, stackLabelsOf } from './stackLabels.ts';

export const REPAIRS = {
  name: 'waba_stack_drift_repaired_total',
  help: 'Drifted fields that the operator repaired, by field',
  labels: ['field'],
} as const;

/** Drift: how many fields of a stack the operator repaired, and how many it only reports. */
export class DriftCounter {
  readonly #repairs: Counter<(typeof STACK_LABELS)[number] | 'field'>;
  /** Number of drifted fields that the operator only reports, by stack. */
  readonly #left = new Map<string, number>();
  /** Fields with a sample, by stack; their samples are dropped with the stack. */
  readonly #counted = new Map<string, Set<string>>();

  constructor(registry: Registry) {
    this.#repairs = new Counter({
      name: REPAIRS.name,
      help: REPAIRS.help,
      labelNames: [...STACK_LABELS, ...REPAIRS.labels],
      registers: [registry],
    });
  }

  report(
    resource: WhatsAppDeployment,
    { fields, isRepaired }: { readonly fields: readonly string[]; readonly isRepaired: boolean },
  ): void {
    const key = keyOf(resource);
    this.#left.set(key, isRepaired ? 0 : fields.length);
    if (!isRepaired) return;
    const counted = this.#counted.get(key) ?? new Set();
    this.#counted.set(key, counted);
    for (const field of fields.map(familyOf)) {
      counted.add(field);
      this.#repairs.inc({ ...stackLabelsOf(resource), field });
    }
  }

  left(resource: WhatsAppDeployment): number {
    return this.#left.get(keyOf(resource)) ?? 0;
  }

  /** Drops the samples of a stack that is gone. */
  forget(key: string): void {
    const [namespace = '', stack = ''] = key.split('/');
    for (const field of this.#counted.get(key) ?? []) this.#repairs.remove({ namespace, stack, field });
    this.#counted.delete(key);
    this.#left.delete(key);
  }
}

/** Field names are few, except for users and providers, whose names people choose: these count together. */
const familyOf = (field: string): string => field.replace(/^(users|media\.providers)\..*/, '$1');

const keyOf = ({ metadata }: WhatsAppDeployment): string => objectKey(metadata.namespace, metadata.name);
