import { Counter, Gauge, type Registry } from 'prom-client';
import type { Journal } from '../plan/facts/journal.ts';
import type { ApiObservation } from '../plan/facts/observed.ts';
import { servedShards } from '../plan/facts/servedShards.ts';
import { counts } from '../plan/facts/stackSettings.ts';
import { buildExpiry } from '../plan/tell/build.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';

/** What is known of a stack when somebody scrapes. */
export interface StackView {
  readonly resource: WhatsAppDeployment;
  readonly api: ApiObservation | undefined;
  readonly journal: Journal | undefined;
  /** The last look at its webhook: seconds, and the layer that failed. */
  readonly webhook: { readonly seconds: number; readonly failed: string | undefined } | undefined;
}

const STACK = ['namespace', 'stack'] as const;

/** The operator's own view of stacks. No phone number, no secret, and as many series as there are stacks. */
export class StackGauges {
  readonly #drift: Counter<'namespace' | 'stack' | 'field'>;
  readonly #drifted = new Map<string, number>();
  /** Fields that were repaired, by stack. */
  readonly #repaired = new Map<string, Set<string>>();

  constructor(registry: Registry, stacks: () => readonly StackView[]) {
    const gauge = <L extends string>(
      name: string,
      help: string,
      labels: readonly L[],
      collect: (
        set: (view: StackView, value: number | undefined, more?: Record<string, string>) => void,
      ) => void,
    ) => {
      new Gauge<string>({
        name,
        help,
        labelNames: [...STACK, ...labels],
        registers: [registry],
        collect() {
          this.reset();
          collect((view, value, more = {}) => {
            if (value !== undefined && Number.isFinite(value))
              this.set({ ...labelsOf(view.resource), ...more }, value);
          });
        },
      });
    };
    const each =
      (value: (view: StackView) => number | undefined) =>
      (set: (view: StackView, value: number | undefined) => void) => {
        for (const view of stacks()) set(view, value(view));
      };
    gauge(
      'waba_stack_condition',
      'Conditions of a stack: 1 True, 0 False, -1 Unknown',
      ['condition', 'reason'],
      (set) => {
        for (const view of stacks())
          for (const { type, status, reason } of view.resource.status?.conditions ?? [])
            set(view, status === 'True' ? 1 : status === 'False' ? 0 : -1, { condition: type, reason });
      },
    );
    gauge(
      'waba_stack_ready',
      'Whether a stack is Ready',
      [],
      each(({ resource }) => Number(statusOf(resource, 'Ready') === 'True')),
    );
    gauge(
      'waba_stack_shards_desired',
      'Shards that are declared',
      [],
      each(({ resource }) => counts(resource).shards),
    );
    gauge(
      'waba_stack_shards_served',
      'Shards with a connected Coreapp',
      [],
      each(({ resource, api }) => Object.keys(servedShards({ resource, api })).length),
    );
    gauge('waba_stack_registration', 'State of the registration', ['state'], (set) => {
      for (const view of stacks())
        set(view, 1, { state: view.resource.status?.registration?.state ?? 'Unknown' });
    });
    gauge('waba_stack_nodes', 'Nodes by role and gateway status', ['role', 'gateway_status'], (set) => {
      for (const view of stacks()) {
        const nodes = new Map<string, number>();
        for (const { role = 'single', gateway_status: status = 'unreachable' } of Object.values(
          view.api?.health ?? {},
        ))
          nodes.set(`${role}/${status}`, (nodes.get(`${role}/${status}`) ?? 0) + 1);
        for (const [key, count] of nodes) {
          const [role = '', gatewayStatus = ''] = key.split('/');
          set(view, count, { role, gateway_status: gatewayStatus });
        }
      }
    });
    gauge(
      'waba_stack_build_expiry_timestamp_seconds',
      'When the build stops working',
      [],
      each(({ api }) => seconds(api && buildExpiry(api.support))),
    );
    gauge(
      'waba_stack_certificate_expiry_timestamp_seconds',
      'When the uploaded certificate of the Webapps ends',
      [],
      each(({ journal }) => seconds(journal?.served?.notAfter)),
    );
    gauge(
      'waba_stack_backup_timestamp_seconds',
      'When the last backup was made, as status says; nothing where there is none',
      [],
      each(({ resource }) => {
        const { time } = resource.status?.lastBackup ?? {};
        return seconds(time === undefined ? undefined : Date.parse(time));
      }),
    );
    gauge(
      'waba_stack_restarts_ordered',
      'Restarts that a setting or certificate needed, by role',
      ['role'],
      (set) => {
        for (const view of stacks()) {
          set(view, view.journal?.coreappRestarts, { role: 'coreapp' });
          set(view, view.journal?.webappRestarts, { role: 'webapp' });
        }
      },
    );
    gauge('waba_stack_restarts_pending', 'Pods whose restart waits, by reason', ['reason'], (set) => {
      for (const view of stacks())
        for (const reason of new Set((view.resource.status?.plan ?? []).map((entry) => entry.reason)))
          set(view, view.resource.status?.plan?.filter((entry) => entry.reason === reason).length, {
            reason,
          });
    });
    gauge(
      'waba_stack_drifted_fields',
      'Fields that somebody changed and that are left so',
      [],
      each(({ resource }) => this.#drifted.get(keyOf(resource)) ?? 0),
    );
    gauge(
      'waba_stack_webhook_up',
      'Whether the webhook answered the last look with 200',
      ['failed'],
      (set) => {
        for (const view of stacks())
          set(view, view.webhook && Number(view.webhook.failed === undefined), {
            failed: view.webhook?.failed ?? '',
          });
      },
    );
    gauge(
      'waba_stack_webhook_duration_seconds',
      'How long that look took',
      [],
      each(({ webhook }) => webhook?.seconds),
    );
    this.#drift = new Counter({
      name: 'waba_stack_drift_repaired_total',
      help: 'Changes by hand that were set back, by field',
      labelNames: [...STACK, 'field'],
      registers: [registry],
    });
  }

  /** Fields are known names of the API, so that their number is bounded. */
  drift(
    resource: WhatsAppDeployment,
    report: { readonly fields: readonly string[]; readonly isRepaired: boolean },
  ): void {
    const key = keyOf(resource);
    this.#drifted.set(key, report.isRepaired ? 0 : report.fields.length);
    if (!report.isRepaired) return;
    const repaired = this.#repaired.get(key) ?? new Set();
    this.#repaired.set(key, repaired);
    for (const field of report.fields.map(familyOf)) {
      repaired.add(field);
      this.#drift.inc({ ...labelsOf(resource), field });
    }
  }

  /** The stack is gone, and with it what was counted of it. */
  forget(key: string): void {
    const [namespace = '', stack = ''] = key.split('/');
    for (const field of this.#repaired.get(key) ?? []) this.#drift.remove({ namespace, stack, field });
    this.#repaired.delete(key);
    this.#drifted.delete(key);
  }
}

/** Users and providers have names that somebody chose; they count together. */
const familyOf = (field: string): string => field.replace(/^(users|media\.providers)\..*/, '$1');
const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);
const keyOf = ({ metadata }: WhatsAppDeployment): string => `${metadata.namespace}/${metadata.name}`;
const labelsOf = ({ metadata }: WhatsAppDeployment) => ({
  namespace: metadata.namespace,
  stack: metadata.name,
});
const statusOf = ({ status }: WhatsAppDeployment, type: string): string | undefined =>
  status?.conditions?.find((condition) => condition.type === type)?.status;
