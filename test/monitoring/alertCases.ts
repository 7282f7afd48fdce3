import { APPLICATION_CONDITIONS } from '../../src/operator/resource/conditions.ts';
import type { AlertName } from '../../tools/generate/alerts.ts';
import {
  callbacks,
  counter,
  disk,
  gauge,
  held,
  noStats,
  notReady,
  operatorSeries,
  registrationTurns,
  requests,
  type Series,
  shardsServed,
  stackSeries,
  timestamp,
  turns,
} from './stackSeries.ts';

/** An alert that fires: its labels besides the severity, and its summary. */
interface Firing {
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
}

/** One thing that goes wrong with the stack `shop` or the operator, and everything that fires then. */
export interface Case {
  readonly trouble: string;
  /** Series that differ from those of a healthy stack and operator. */
  readonly series: Series;
  /** The operator exports nothing while it lasts. */
  readonly isOperatorGone?: true;
  readonly fires: Partial<Record<AlertName, Firing>>;
}

const SHOP = { namespace: 'default', stack: 'shop' } as const;
const shop = (summary: string, more: Readonly<Record<string, string>> = {}): Firing => ({
  labels: { ...SHOP, ...more },
  summary,
});
const of = (name: string, labels: Readonly<Record<string, string>> = {}): string =>
  stackSeries('shop', name, labels);
/** What the API tells, when it does not answer. */
const UNKNOWN = APPLICATION_CONDITIONS.filter((type) => type !== 'ApiReachable');

/** The one trouble that belongs to each alert. */
export const CASES: Readonly<Record<AlertName, Case>> = {
  WabaOperatorDown: {
    trouble: 'no operator runs',
    series: {},
    isOperatorGone: true,
    fires: {
      WabaOperatorDown: {
        labels: { installation: 'waba/operator' },
        summary: 'no replica of the operator waba/operator acts on the stacks',
      },
    },
  },
  WabaReconcileErrors: {
    trouble: 'a fifth of the reconciles fails',
    series: {
      [operatorSeries('controller_runtime_reconcile_errors_total', { controller: 'workloads' })]: counter(
        0,
        12,
      ),
    },
    fires: {
      WabaReconcileErrors: {
        labels: { controller: 'workloads' },
        summary: '20% of the reconciles of the controller workloads end with an error',
      },
    },
  },
  WabaStackNotReady: {
    trouble: 'a stack needs a Secret, and serves its shards all the same',
    series: notReady('shop', { SpecValid: 'SecretMissing' }),
    fires: { WabaStackNotReady: shop('default/shop is not Ready: SecretMissing') },
  },
  WabaRegistrationLost: {
    trouble: 'the number is registered elsewhere',
    series: {
      ...notReady('shop', { Registered: 'RegistrationLost', ShardsServed: 'NotRegistered' }),
      ...shardsServed('shop', 0),
      ...registrationTurns('shop', 'Unregistered'),
      [of('waba_stack_standbys_ready', { role: 'coreapp' })]: gauge(1, 0),
      [of('pending_messages')]: gauge(0, 9_000),
    },
    fires: { WabaRegistrationLost: shop('the number of default/shop is not registered: RegistrationLost') },
  },
  WabaShardNotServed: {
    trouble: 'the database is away, and with it every shard and the API',
    series: {
      ...notReady(
        'shop',
        { DatabaseReady: 'DatabaseNoAnswer', WorkloadsReady: 'PodsNotReady', ApiReachable: 'NoAnswer' },
        UNKNOWN,
      ),
      ...shardsServed('shop', 0),
      ...noStats('shop'),
      [of('waba_stack_standbys_ready', { role: 'coreapp' })]: gauge(1, 0),
      [of('pending_messages')]: gauge(0, 9_000),
    },
    fires: {
      WabaShardNotServed: shop('default/shop has 2 shards without a connected Coreapp: DatabaseNoAnswer'),
    },
  },
  WabaStandbyLost: {
    trouble: 'the standby Coreapp does not start',
    series: {
      // It crashes before it has restarted for a setting.
      ...notReady('shop', { WorkloadsReady: 'CrashLoopBackOff', SettingsSynced: 'RestartingCoreapps' }),
      [of('waba_stack_standbys_ready', { role: 'coreapp' })]: gauge(1, 0),
    },
    fires: {
      WabaStandbyLost: shop(
        'default/shop lacks 1 standbys of the role coreapp; the next failure interrupts the number',
        { role: 'coreapp' },
      ),
    },
  },
  WabaApiFailing: {
    trouble: 'the database refuses writes, and every tenth call fails',
    series: {
      ...notReady('shop', { DatabaseReady: 'DatabaseConnectionsFew' }),
      [of('api_requests_duration_ms_count', requests('500'))]: counter(0, 10),
    },
    fires: {
      WabaApiFailing: shop('10% of the calls for messages and contacts to default/shop fail with a 5xx'),
    },
  },
  WabaMessagesFailing: {
    trouble: 'WhatsApp refuses four of ten messages',
    series: { [of('out_message_status', { status: 'failed' })]: counter(0, 60) },
    fires: { WabaMessagesFailing: shop('40% of the messages of default/shop fail') },
  },
  WabaPendingMessages: {
    trouble: 'messages wait',
    series: { [of('pending_messages')]: gauge(0, 9_000) },
    fires: { WabaPendingMessages: shop('9000 messages of default/shop are waiting to be sent') },
  },
  WabaCallbackFailing: {
    trouble: 'the webhook answers half of the callbacks with 503, and callbacks wait',
    series: {
      ...notReady('shop', { WebhookReady: 'StatusFailed' }),
      [of('callback_requests_duration_ms_count', callbacks('503'))]: counter(0, 90),
      [of('db_pending_callbacks')]: gauge(0, 30_000),
    },
    fires: { WabaCallbackFailing: shop('50% of the callbacks of default/shop fail') },
  },
  WabaCallbackBacklog: {
    trouble: 'the webhook is too slow',
    series: { [of('db_pending_callbacks')]: gauge(0, 30_000) },
    fires: { WabaCallbackBacklog: shop('30000 callbacks of default/shop are waiting for the webhook') },
  },
  WabaDatabaseDiskFull: {
    trouble: 'the volume of the database fills up',
    series: disk('shop', 8),
    fires: { WabaDatabaseDiskFull: shop('the volume of the database of default/shop has 8% left') },
  },
  WabaTokenRefused: {
    trouble: 'the access token of the Cloud API has expired',
    series: notReady('shop', { TokenValid: 'TokenRefused', WebhookSubscribed: 'SubscriptionFailed' }),
    fires: {
      WabaTokenRefused: shop(
        'the Cloud API refuses the access token of default/shop, and messages wait: TokenRefused',
      ),
    },
  },
  WabaWebhookUnsubscribed: {
    trouble: 'the URL of the webhook cannot be reached from outside',
    series: notReady('shop', { WebhookSubscribed: 'SubscriptionFailed' }),
    fires: {
      WabaWebhookUnsubscribed: shop('the Cloud API posts no webhooks to default/shop: SubscriptionFailed'),
    },
  },
  WabaDriftContested: {
    trouble: 'another controller keeps changing a Deployment, and every second reconcile fails for it',
    series: {
      ...notReady('shop', { WorkloadsReady: 'Contested' }),
      [operatorSeries('controller_runtime_reconcile_errors_total', { controller: 'workloads' })]: counter(
        0,
        30,
      ),
    },
    fires: {
      WabaDriftContested: shop('another program keeps changing what the operator sets in default/shop'),
    },
  },
  WabaFleetHalted: {
    trouble: 'a stack of a fleet fails after its change',
    series: {
      [operatorSeries('waba_fleet_condition', {
        namespace: 'default',
        fleet: 'eu',
        condition: 'Halted',
        reason: 'StackFailed',
      })]: gauge(0, 1),
    },
    fires: {
      WabaFleetHalted: {
        labels: { namespace: 'default', fleet: 'eu' },
        summary: 'the rollout of the fleet default/eu is halted: a stack failed after its change',
      },
    },
  },
  WabaBackupNotCurrent: {
    trouble: 'the nightly backup failed',
    series: turns('shop', 'BackupCurrent', 'LastBackupFailed'),
    fires: { WabaBackupNotCurrent: shop('default/shop has no backup as new as its schedule says') },
  },
  WabaBuildExpiring: {
    trouble: 'the build expires in six days',
    series: {
      ...notReady('shop', { BuildCurrent: 'ExpiresIn7Days' }),
      [of('waba_stack_build_expiry_timestamp_seconds')]: timestamp(90, 6),
    },
    fires: { WabaBuildExpiring: shop('the build of default/shop expires in 5d 22h 25m 0s') },
  },
  WabaCertificateExpiring: {
    trouble: 'the certificate expires in five days',
    series: {
      ...notReady('shop', { CertificatesReady: 'Expiring' }),
      [of('waba_stack_certificate_expiry_timestamp_seconds')]: timestamp(60, 5),
    },
    fires: { WabaCertificateExpiring: shop('the certificate of default/shop expires in 4d 22h 25m 0s') },
  },
  WabaNoStats: {
    trouble: 'a network policy keeps the operator from the counters',
    series: noStats('shop'),
    fires: {
      WabaNoStats: shop('the operator cannot read the app counters of default/shop', { source: 'app' }),
    },
  },
};

/** More troubles: what must be silent, and what must not hide behind another alert. */
export const MORE_CASES: readonly Case[] = [
  { trouble: 'nothing', series: {}, fires: {} },
  {
    trouble: 'every replica of the operator waits to lead',
    series: {
      [operatorSeries('waba_operator_working', { installation: 'waba/operator' })]: gauge(1, 0),
    },
    fires: CASES.WabaOperatorDown.fires,
  },
  {
    trouble: 'the stack says that the number is not registered, and the journal that it is',
    series: {
      ...notReady('shop', { Registered: 'RetryLater', ShardsServed: 'NotRegistered' }),
      ...shardsServed('shop', 0),
      [of('waba_stack_standbys_ready', { role: 'coreapp' })]: gauge(1, 0),
      [of('pending_messages')]: gauge(0, 9_000),
      [of('api_requests_duration_ms_count', requests('503'))]: counter(0, 90),
    },
    fires: { WabaRegistrationLost: shop('the number of default/shop is not registered: RetryLater') },
  },
  {
    trouble: 'the database is away, and every call fails',
    series: {
      ...CASES.WabaShardNotServed.series,
      [of('api_requests_duration_ms_count', requests('503'))]: counter(0, 90),
    },
    fires: CASES.WabaShardNotServed.fires,
  },
  {
    trouble: 'a stack that is new does not come up',
    series: {
      ...notReady('shop', { DatabaseReady: 'ClaimUnbound' }, UNKNOWN),
      ...shardsServed('shop', 0),
      [of('waba_stack_registration', { state: 'Registered' })]: [],
      [of('waba_stack_registration', { state: 'Unregistered' })]: gauge(1),
    },
    fires: { WabaStackNotReady: shop('default/shop is not Ready: ClaimUnbound') },
  },
  ...['WaitingForApproval', 'WaitingForWindow'].map((reason) => ({
    trouble: `more shards are declared, and the change has the reason ${reason}`,
    series: { ...notReady('shop', { ShardsServed: reason }), ...shardsServed('shop', 1) },
    fires: {},
  })),
  ...['WaitingForApproval', 'WaitingForWindow', 'WaitingForDeletion'].map((reason) => ({
    trouble: `a new version is declared, and the rollout has the reason ${reason}`,
    series: notReady('shop', {
      WorkloadsReady: reason,
      ...(reason === 'WaitingForDeletion' ? {} : { SchemaReady: reason }),
      VersionCurrent: 'Upgrading',
    }),
    fires: {},
  })),
  {
    trouble: 'a new version waits for approval, and a pod does not become ready',
    series: notReady('shop', { SchemaReady: 'WaitingForApproval', WorkloadsReady: 'PodsNotReady' }),
    fires: { WabaStackNotReady: shop('default/shop is not Ready: WaitingForApproval') },
  },
  {
    trouble: 'a rollout waits for approval, and settings cannot be set either',
    series: notReady('shop', { WorkloadsReady: 'WaitingForApproval', SettingsSynced: 'Drifted' }),
    fires: { WabaStackNotReady: shop('default/shop is not Ready: WaitingForApproval') },
  },
  {
    trouble: 'more shards wait for approval, and one of those that there are is not served',
    series: { ...notReady('shop', { ShardsServed: 'NotServed' }), ...shardsServed('shop', 1) },
    fires: {
      WabaShardNotServed: shop('default/shop has 1 shards without a connected Coreapp: NotServed'),
    },
  },
  {
    trouble: 'more shards wait for approval, and settings cannot be set either',
    series: {
      ...notReady('shop', { SettingsSynced: 'Drifted', ShardsServed: 'WaitingForApproval' }),
      ...shardsServed('shop', 1),
    },
    fires: { WabaStackNotReady: shop('default/shop is not Ready: Drifted') },
  },
  {
    trouble: 'a standby is lost, and settings cannot be set either',
    series: {
      ...notReady('shop', { WorkloadsReady: 'CrashLoopBackOff', SettingsSynced: 'Drifted' }),
      [of('waba_stack_standbys_ready', { role: 'coreapp' })]: gauge(1, 0),
    },
    fires: {
      ...CASES.WabaStandbyLost.fires,
      WabaStackNotReady: shop('default/shop is not Ready: CrashLoopBackOff'),
    },
  },
  {
    trouble: 'the build has expired',
    series: {
      ...notReady('shop', { BuildCurrent: 'Expired' }),
      [of('waba_stack_build_expiry_timestamp_seconds')]: timestamp(90, -1),
    },
    fires: { WabaStackNotReady: shop('default/shop is not Ready: Expired') },
  },
  {
    trouble: 'another client keeps changing a setting, which the operator sets back',
    series: { [of('waba_stack_drift_repaired_total', { field: 'about' })]: counter(0, 1) },
    fires: CASES.WabaDriftContested.fires,
  },
  {
    trouble: 'a suspended schedule, and a stack that waits for its first backup',
    series: {
      ...turns('shop', 'BackupCurrent', 'Suspended'),
      ...turns('other', 'BackupCurrent', 'NoBackupYet'),
    },
    fires: {},
  },
  {
    trouble: 'five messages of a quiet number fail, and none is sent',
    series: {
      [of('out_message_status', { status: 'sent' })]: counter(0),
      [of('out_message_status', { status: 'failed' })]: counter(0, 0.05),
    },
    fires: {},
  },
];

/** Every trouble of a stack, while somebody holds the stack. */
export const HELD_CASES: readonly Case[] = [...Object.values(CASES), ...MORE_CASES]
  .filter(({ fires }) => Object.values(fires).some(({ labels }) => labels.stack !== undefined))
  .map(({ trouble, series }) => ({
    trouble: `${trouble}, and the stack is paused`,
    series: { ...series, ...held('shop') },
    fires: {},
  }));
