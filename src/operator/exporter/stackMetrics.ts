import type { Journal } from '../plan/facts/journal.ts';
import type { ApiObservation } from '../plan/facts/observed.ts';
import { ownedShards, servedShards } from '../plan/facts/servedShards.ts';
import { counts } from '../plan/facts/stackSettings.ts';
import { claimsOf } from '../plan/facts/volumeSizes.ts';
import { clientExpiry } from '../plan/tell/build.ts';
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
  labelled(
    'waba_stack_condition_since_timestamp_seconds',
    'When a condition last changed between True, False and Unknown',
    ['condition'],
    ({ resource }) =>
      (resource.status?.conditions ?? []).map(({ type, lastTransitionTime }) => ({
        value: Date.parse(lastTransitionTime) / 1000,
        labels: { condition: type },
      })),
  ),
  single(
    'waba_stack_held',
    'Whether people hold a stack, 1 or 0: it is paused, hibernates or is only planned, and no alert fires for it',
    ({ resource }) => Number(isHeld(resource)),
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
  single(
    'waba_stack_registered_timestamp_seconds',
    'When the number was registered; no sample before',
    ({ resource }) => timestamp(resource.status?.registration?.registeredAt),
  ),
  labelled(
    'waba_stack_standbys_desired',
    'Nodes beyond those that work, by role: Coreapps beyond one per shard, Masters beyond the primary; 0 while the stack hibernates',
    ['role'],
    ({ resource }) => {
      const { coreapps, shards, masters } = counts(resource);
      const desired = resource.spec.hibernated
        ? { coreapp: 0, master: 0 }
        : { coreapp: coreapps - shards, master: masters - 1 };
      return byRole({ coreapp: desired.coreapp, master: Math.max(0, desired.master) });
    },
  ),
  labelled(
    'waba_stack_standbys_ready',
    'Standbys that answer and could take over at once, by role',
    ['role'],
    (stack) => {
      const nodes = Object.entries(stack.api?.health ?? {});
      // A standby Coreapp is disconnected by design.
      const coreapps = nodes.filter(
        ([pod, { role, gateway_status }]) =>
          role === 'coreapp' && gateway_status === 'disconnected' && ownedShards(stack, pod).length === 0,
      );
      const masters = nodes.filter(([, { role }]) => role === 'secondary_master');
      return byRole({ coreapp: coreapps.length, master: masters.length });
    },
  ),
  labelled(
    'waba_stack_database_claim',
    'PersistentVolumeClaim of the managed database, always 1; kubelets report how full it is',
    ['persistentvolumeclaim'],
    ({ resource }) => {
      const { claim, wanted } = claimsOf(resource).database;
      return wanted === undefined ? [] : [{ value: 1, labels: { persistentvolumeclaim: claim } }];
    },
  ),
  labelled('waba_stack_nodes', 'Nodes by role and gateway status', ['role', 'gateway_status'], ({ api }) =>
    tally(
      Object.values(api?.health ?? {}).map(({ role = 'single', gateway_status = 'unreachable' }) => ({
        role,
        gateway_status,
      })),
    ),
  ),
  single(
    'waba_stack_build_expiry_timestamp_seconds',
    'When the build of the client expires, or the version of the Graph API behind it ends',
    ({ resource, api }) => seconds(clientExpiry(resource, api?.support ?? {})),
  ),
  single(
    'waba_stack_certificate_expiry_timestamp_seconds',
    'When the certificate that the operator uploaded for the Webapps expires',
    ({ journal }) => seconds(journal?.served?.notAfter),
  ),
  single(
    'waba_backup_last_success_timestamp_seconds',
    'When the last good backup was made; no sample before the first one',
    ({ resource }) => timestamp(resource.status?.lastBackup?.time),
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

/** Paused, hibernating with all pods stopped, or only planned: a person chose that nothing happens. */
function isHeld({ status }: WhatsAppDeployment): boolean {
  const { conditions = [] } = status ?? {};
  return conditions.some(
    ({ type, status, reason }) =>
      ((type === 'Paused' || type === 'Hibernated') && status === 'True') ||
      (type === 'Ready' && reason === 'PlanOnly'),
  );
}

const byRole = (values: Readonly<Record<'coreapp' | 'master', number>>) =>
  (['coreapp', 'master'] as const).map((role) => ({ value: values[role], labels: { role } }));

/** Seconds of a time in the status. */
const timestamp = (time: string | undefined): number | undefined =>
  seconds(time === undefined ? undefined : Date.parse(time));

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
