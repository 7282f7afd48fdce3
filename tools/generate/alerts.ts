import { dump } from 'js-yaml';
import {
  APPLICATION_CONDITIONS,
  type ConditionType,
  isRequired,
  ownReasons,
  USER_HOLDS,
  WORKLOADS_CONDITIONS,
} from '../../src/operator/resource/conditions.ts';

/** An alert rule. The names of labels and of the metrics in `expr` are those of the operator's exporter. */
interface Alert {
  /** `critical` wakes somebody; `warning` can wait until the morning. */
  readonly severity: 'critical' | 'warning';
  readonly for: string;
  readonly expr: string;
  readonly summary: string;
}

const RUNBOOKS = 'https://github.com/waba-operator/waba-operator/blob/main/docs/runbooks';
const BY_STACK = 'by (namespace, stack)';
const ON_STACK = 'on (namespace, stack)';
const DAY = 86_400;

const STACK = '{{ $labels.namespace }}/{{ $labels.stack }}';
/** The reason of Ready at the time of the alert. As a label it would make a new alert of each new reason. */
const WHY = `{{ with printf "waba_stack_condition{condition='Ready',namespace='%s',stack='%s'}" $labels.namespace $labels.stack | query }}{{ . | first | label "reason" }}{{ end }}`;

const lines = (...parts: readonly string[]): string => parts.join('\n');
const anyOf = (...parts: readonly string[]): string => `(\n${parts.map(indented).join('\nor\n')}\n)`;
const indented = (part: string): string => part.replace(/^/gm, '  ');
const share = (metric: string, bad: string, all: string, window: string): string =>
  lines(
    `sum ${BY_STACK} (rate(${metric}{${[all, bad].filter(Boolean).join(',')}}[${window}]))`,
    `/ sum ${BY_STACK} (rate(${metric}${all ? `{${all}}` : ''}[${window}]))`,
  );
/**
 * Without the labels of the operator's pod: the stack is still the same when another replica leads. Of two replicas that
 * both export it for a moment, the one that knows more wins.
 */
const best = (fold: 'min' | 'max', expr: string, by = BY_STACK): string => `${fold} ${by} (${expr})`;

/** The metrics of our operator, among those of all programs that use the same names. */
export const ofOperator = (expr: string): string => `${expr} and on (job, instance) waba_operator_info`;

/** A person decided that nothing happens to the stack. */
const held = 'waba_stack_held == 1';
const notReady = `${best('max', 'waba_stack_ready')} == 0`;
const registered = 'waba_stack_registration{state="Registered"}';
const registrationLost = best('max', 'waba_stack_condition{condition="Registered"} == 0');
const atRest = `reason=~"${USER_HOLDS.join('|')}"`;
/** The number keeps the shards that it has until the user lets it have the declared ones. */
const shardsWait = best('max', `waba_stack_condition{condition="ShardsServed",${atRest}} == 0`);
const tokenRefused = best('max', 'waba_stack_condition{condition="TokenValid"} == 0');
const unsubscribed = best(
  'max',
  'waba_stack_condition{condition="WebhookSubscribed",reason!="Pending"} == 0',
);
const shardsUnserved = lines(
  `${best('min', 'waba_stack_shards_desired - waba_stack_shards_served')} > 0`,
  // A stack that is new serves no shard either.
  `and ${ON_STACK} ${registered}`,
  `unless ${ON_STACK} ${shardsWait}`,
);
const apiFailing = `${share(
  'api_requests_duration_ms_count',
  'result=~"5.."',
  'method=~"POST_v1_(messages|contacts)"',
  '5m',
)} > 0.05`;
const callbackFailing = `${share('callback_requests_duration_ms_count', 'result!="success"', '', '5m')} > 0.1`;
const standbyLost = lines(
  `${best('min', 'waba_stack_standbys_desired - waba_stack_standbys_ready', 'by (namespace, stack, role)')} > 0`,
  `and ${ON_STACK} ${registered}`,
  // Nobody can count them while the API does not answer.
  `and ${ON_STACK} waba_stack_condition{condition="ApiReachable"} == 1`,
);
const expiresWithin = (metric: string, days: number): string =>
  `${best('min', metric)} - time() < ${days} * ${DAY} > 0`;
const buildExpiring = expiresWithin('waba_stack_build_expiry_timestamp_seconds', 14);
const certificateExpiring = expiresWithin('waba_stack_certificate_expiry_timestamp_seconds', 7);

const READY_NEEDS = [...WORKLOADS_CONDITIONS, ...APPLICATION_CONDITIONS].filter(isRequired);
/** They say no more than that pods are not there yet, or may not come yet. */
const WAIT_FOR_PODS = [...new Set(READY_NEEDS.flatMap((type) => Object.keys(ownReasons(type))))].filter(
  (reason) => reason.startsWith('Restarting') || ['Upgrading', ...USER_HOLDS].includes(reason),
);
/** Whatever it is, the user lets it wait. */
const userWaits = best('max', `waba_stack_condition{condition=~"${READY_NEEDS.join('|')}",${atRest}} == 0`);

/** Where `expr` explains why the stack is not Ready: every other condition that Ready needs is True, or waits for pods. */
function explainsAlone(expr: string, condition?: ConditionType): string {
  const others = READY_NEEDS.filter((type) => type !== condition).join('|');
  const labels = `condition=~"${others}",reason!~"${WAIT_FOR_PODS.join('|')}"`;
  return lines('(', indented(expr), `  unless ${ON_STACK} waba_stack_condition{${labels}} != 1`, ')');
}

const unless = (expr: string, ...causes: readonly string[]): string =>
  lines(expr, `unless ${ON_STACK} ${anyOf(...causes)}`);

/**
 * All alerts. Two rules make one cause page once: an alert on a symptom excludes the stacks whose alert on the cause, or
 * on a more exact symptom, fires; and a warning excludes a stack from WabaStackNotReady only if nothing else is wrong.
 */
export const ALERTS = {
  WabaOperatorDown: {
    severity: 'critical',
    for: '5m',
    expr: lines(
      '(',
      '  group by (installation) (last_over_time(waba_operator_working[1d]))',
      '  unless on (installation) (waba_operator_working == 1)',
      ')',
      // Prometheus never saw one: it does not scrape, or no operator was installed.
      'or on () absent(last_over_time(waba_operator_working[1d]))',
    ),
    summary: 'no replica of the operator {{ $labels.installation }} acts on the stacks',
  },
  WabaReconcileErrors: {
    severity: 'warning',
    for: '15m',
    expr: lines(
      `sum by (controller) (${ofOperator('rate(controller_runtime_reconcile_errors_total[10m])')})`,
      `/ sum by (controller) (${ofOperator('rate(controller_runtime_reconcile_total[10m])')})`,
      '> 0.1',
      // These have alerts of their own: in a small fleet, one stack that cannot be reconciled is a large share.
      `unless on () (count(${notReady}) / count(${best('max', 'waba_stack_ready')}) > 0.1)`,
    ),
    summary:
      '{{ $value | humanizePercentage }} of the reconciles of the controller {{ $labels.controller }} end with an error',
  },
  WabaStackNotReady: {
    severity: 'critical',
    for: '10m',
    expr: unless(
      notReady,
      held,
      registrationLost,
      tokenRefused,
      unsubscribed,
      shardsUnserved,
      apiFailing,
      callbackFailing,
      'waba_stack_condition{condition="Ready",reason="Contested"}',
      explainsAlone(userWaits),
      explainsAlone(standbyLost, 'WorkloadsReady'),
      explainsAlone(buildExpiring, 'BuildCurrent'),
      explainsAlone(certificateExpiring, 'CertificatesReady'),
    ),
    summary: `${STACK} is not Ready: ${WHY}`,
  },
  WabaRegistrationLost: {
    severity: 'critical',
    for: '5m',
    expr: unless(registrationLost, held),
    summary: `the number of ${STACK} is not registered: ${WHY}`,
  },
  WabaTokenRefused: {
    severity: 'critical',
    for: '2m',
    expr: unless(tokenRefused, held),
    summary: `the Cloud API refuses the access token of ${STACK}, and messages wait: ${WHY}`,
  },
  WabaWebhookUnsubscribed: {
    severity: 'critical',
    for: '10m',
    // Without a token nobody can subscribe.
    expr: unless(unsubscribed, held, tokenRefused),
    summary: `the Cloud API posts no webhooks to ${STACK}: ${WHY}`,
  },
  WabaShardNotServed: {
    severity: 'critical',
    for: '2m',
    expr: unless(shardsUnserved, held, registrationLost),
    summary: `${STACK} has {{ $value }} shards without a connected Coreapp: ${WHY}`,
  },
  WabaStandbyLost: {
    severity: 'warning',
    for: '10m',
    expr: unless(standbyLost, held, shardsUnserved, registrationLost),
    summary: `${STACK} lacks {{ $value }} standbys of the role {{ $labels.role }}; the next failure interrupts the number`,
  },
  WabaApiFailing: {
    severity: 'critical',
    // Longer than the window: calls that failed while a shard was not served must not page once it is served again.
    for: '7m',
    expr: unless(apiFailing, held, registrationLost, shardsUnserved),
    summary: `{{ $value | humanizePercentage }} of the calls for messages and contacts to ${STACK} fail with a 5xx`,
  },
  WabaMessagesFailing: {
    severity: 'critical',
    for: '5m',
    expr: unless(
      lines(
        share('out_message_status', 'status="failed"', 'status=~"sent|failed"', '15m'),
        '> 0.2',
        // One message in a quiet night is no share.
        `and ${ON_STACK} sum ${BY_STACK} (increase(out_message_status{status="failed"}[15m])) > 10`,
      ),
      held,
    ),
    summary: `{{ $value | humanizePercentage }} of the messages of ${STACK} fail`,
  },
  WabaPendingMessages: {
    severity: 'warning',
    for: '5m',
    expr: unless(`sum ${BY_STACK} (pending_messages) > 5000`, held, registrationLost, shardsUnserved),
    summary: `{{ $value }} messages of ${STACK} are waiting to be sent`,
  },
  WabaCallbackFailing: {
    severity: 'critical',
    for: '5m',
    expr: unless(callbackFailing, held),
    summary: `{{ $value | humanizePercentage }} of the callbacks of ${STACK} fail`,
  },
  WabaCallbackBacklog: {
    severity: 'warning',
    for: '10m',
    expr: unless(`sum ${BY_STACK} (db_pending_callbacks) > 20000`, held, callbackFailing),
    summary: `{{ $value }} callbacks of ${STACK} are waiting for the webhook`,
  },
  WabaDatabaseDiskFull: {
    severity: 'critical',
    for: '10m',
    expr: unless(
      lines(
        `min ${BY_STACK} (`,
        '  waba_stack_database_claim',
        '  * on (namespace, persistentvolumeclaim) group_left ()',
        '  min by (namespace, persistentvolumeclaim) (',
        '    kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes',
        '  )',
        ') < 0.1',
      ),
      held,
    ),
    summary: `the volume of the database of ${STACK} has {{ $value | humanizePercentage }} left`,
  },
  WabaDriftContested: {
    severity: 'warning',
    for: '10m',
    expr: unless(
      anyOf(
        `group ${BY_STACK} (waba_stack_condition{reason="Contested"} == 0)`,
        `group ${BY_STACK} (sum by (namespace, stack, field) (increase(waba_stack_drift_repaired_total[1h])) > 5)`,
      ),
      held,
    ),
    summary: `another program keeps changing what the operator sets in ${STACK}`,
  },
  WabaFleetHalted: {
    severity: 'warning',
    for: '1m',
    expr: 'max by (namespace, fleet) (waba_fleet_condition{condition="Halted"}) == 1',
    summary:
      'the rollout of the fleet {{ $labels.namespace }}/{{ $labels.fleet }} is halted: a stack failed after its change',
  },
  WabaBackupNotCurrent: {
    severity: 'warning',
    for: '1h',
    expr: unless(
      best('max', 'waba_stack_condition{condition="BackupCurrent",reason!~"Suspended|NoBackupYet"} == 0'),
      held,
    ),
    summary: `${STACK} has no backup as new as its schedule says`,
  },
  WabaBuildExpiring: {
    severity: 'warning',
    for: '1h',
    expr: unless(buildExpiring, held),
    summary: `the build of ${STACK} expires in {{ $value | humanizeDuration }}`,
  },
  WabaCertificateExpiring: {
    severity: 'warning',
    for: '1h',
    expr: unless(certificateExpiring, held),
    summary: `the certificate of ${STACK} expires in {{ $value | humanizeDuration }}`,
  },
  WabaNoStats: {
    severity: 'warning',
    for: '5m',
    expr: unless(`${best('max', 'waba_stack_up', 'by (namespace, stack, source)')} == 0`, held, notReady),
    summary: `the operator cannot read the {{ $labels.source }} counters of ${STACK}`,
  },
} as const satisfies Record<string, Alert>;

export type AlertName = keyof typeof ALERTS;
export const ALERT_NAMES = Object.keys(ALERTS) as readonly AlertName[];

export const runbookUrl = (name: AlertName): string => `${RUNBOOKS}/${name}.md`;

/** The rule of an alert as a rule file of Prometheus. */
export function alertYaml(name: AlertName): string {
  const { severity, for: duration, expr, summary } = ALERTS[name];
  const rule = {
    alert: name,
    expr,
    for: duration,
    labels: { severity },
    annotations: { summary, runbook_url: runbookUrl(name) },
  };
  const rules = dump({ groups: [{ name: 'waba-operator', rules: [rule] }] }, { lineWidth: -1, noRefs: true });
  return `# Generated by \`npm run generate\`; edit tools/generate/alerts.ts instead.\n${rules}`;
}
