import type { Journal } from '../plan/facts/journal.ts';
import type { ApiObservation } from '../plan/facts/observed.ts';
import { servedShards } from '../plan/facts/servedShards.ts';
import { counts } from '../plan/facts/stackSettings.ts';
import { buildExpiry } from '../plan/tell/build.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';

/** What the operator knows of a stack when Prometheus scrapes. */
export interface StackView {
  readonly resource: WhatsAppDeployment;
  readonly api: ApiObservation | undefined;
  readonly journal: Journal | undefined;
  /** The last probe of its webhook; `failed` is the layer that failed. */
  readonly webhook: { readonly seconds: number; readonly failed: string | undefined } | undefined;
}

/** The same, with the number of drifted fields that the operator only reports. */
interface MeasuredStack extends StackView {
  readonly driftedFields: number;
}

interface Sample {
  readonly value: number;
  /** The labels of the metric, in addition to `namespace` and `stack`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A gauge with its samples of one stack. */
export interface StackMetric {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: (stack: MeasuredStack) => readonly Sample[];
}

/** A metric with one sample for each stack; none while `read` returns undefined. */
const single = (
  name: string,
  help: string,
  read: (stack: MeasuredStack) => number | undefined,
): StackMetric => ({
  name,
  help,
  labels: [],
  read: (stack) => {
    const value = read(stack);
    return value === undefined ? [] : [{ value, labels: {} }];
  },
});

/** A metric with labels of its own. */
const labelled = <L extends string>(
  name: string,
  help: string,
  labels: readonly L[],
  read: (stack: MeasuredStack) => readonly { readonly value: number; readonly labels: Record<L, string> }[],
): StackMetric => ({ name, help, labels, read });

const STATUS_VALUES = { True: 1, False: 0, Unknown: -1 } as const;

/**
 * The operator's own view of each stack. No phone number and no secret may become a label, and the values of a label
 * must be few and known.
 */
export const STACK_METRICS: readonly StackMetric[] = [
  labelled(
    'waba_stack_condition',
    'Condition of a stack: 1 True, 0 False, -1 Unknown',
    ['condition', 'reason'],
    ({ resource }) =>
      (resource.status?.conditions ?? []).map(({ type, status, reason }) => ({
        value: STATUS_VALUES[status],
        labels: { condition: type, reason },
      })),
  ),
  single('waba_stack_ready', 'Whether a stack is Ready: 1 or 0', ({ resource }) =>
    Number(
      resource.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    ),
  ),
  single(
    'waba_stack_shards_desired',
    'Shards that the resource declares; 0 while the stack hibernates',
    ({ resource }) => (resource.spec.hibernated ? 0 : counts(resource).shards),
  ),
  single(
    'waba_stack_shards_served',
    'Shards with a connected Coreapp',
    (stack) => Object.keys(servedShards(stack)).length,
  ),
  labelled('waba_stack_registration', 'State of the registration, always 1', ['state'], ({ resource }) => [
    { value: 1, labels: { state: resource.status?.registration?.state ?? 'Unknown' } },
  ]),
  labelled('waba_stack_nodes', 'Nodes by role and gateway status', ['role', 'gateway_status'], ({ api }) =>
    tally(
      Object.values(api?.health ?? {}).map(({ role = 'single', gateway_status = 'unreachable' }) => ({
        role,
        gateway_status,
      })),
    ),
  ),
  single('waba_stack_build_expiry_timestamp_seconds', 'When the build of the client expires', ({ api }) =>
    seconds(api && buildExpiry(api.support)),
  ),
  single(
    'waba_stack_certificate_expiry_timestamp_seconds',
    'When the certificate that the operator uploaded for the Webapps expires',
    ({ journal }) => seconds(journal?.served?.notAfter),
  ),
  single(
    'waba_backup_last_success_timestamp_seconds',
    'When the last good backup was made; no sample before the first one',
    ({ resource }) => {
      const { time } = resource.status?.lastBackup ?? {};
      return seconds(time === undefined ? undefined : Date.parse(time));
    },
  ),
  single(
    'waba_backup_last_duration_seconds',
    'How long the last good backup took',
    ({ resource }) => resource.status?.lastBackup?.durationSeconds,
  ),
  single(
    'waba_backup_last_bytes',
    'Size of the last good backup at its destination',
    ({ resource }) => resource.status?.lastBackup?.bytes,
  ),
  labelled(
    'waba_stack_restarts_ordered',
    'Restarts that a setting or certificate needed, by role',
    ['role'],
    ({ journal }) =>
      journal
        ? [
            { value: journal.coreappRestarts, labels: { role: 'coreapp' } },
            { value: journal.webappRestarts, labels: { role: 'webapp' } },
          ]
        : [],
  ),
  labelled(
    'waba_stack_restarts_pending',
    'Changes in status.plan that wait to be made, by reason',
    ['reason'],
    ({ resource }) => tally((resource.status?.plan ?? []).map(({ reason }) => ({ reason }))),
  ),
  single(
    'waba_stack_drifted_fields',
    'Drifted fields that the operator only reports',
    ({ driftedFields }) => driftedFields,
  ),
  labelled(
    'waba_stack_webhook_up',
    'Whether the webhook receiver answered the last probe with 200; otherwise failed names the layer',
    ['failed'],
    ({ webhook }) =>
      webhook
        ? [{ value: Number(webhook.failed === undefined), labels: { failed: webhook.failed ?? '' } }]
        : [],
  ),
  single(
    'waba_stack_webhook_duration_seconds',
    'Duration of the last probe of the webhook receiver',
    ({ webhook }) => webhook?.seconds,
  ),
];

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);

/** How often each set of labels occurs. */
function tally<L extends Record<string, string>>(all: readonly L[]): { value: number; labels: L }[] {
  const found = new Map<string, { value: number; labels: L }>();
  for (const labels of all) {
    const key = JSON.stringify(labels);
    found.set(key, { labels, value: (found.get(key)?.value ?? 0) + 1 });
  }
  return [...found.values()];
}
