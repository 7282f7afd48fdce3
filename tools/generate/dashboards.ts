import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { course, DATASOURCE, SYNC, stat, type View } from './panels.ts';

/** Labels of the selected stack. */
const OF_STACK = 'namespace="$namespace",stack="$stack"';
const view = (
  title: string,
  description: string,
  unit: string,
  ...queries: readonly (readonly [expr: string, legend: string])[]
): View => ({ title, description, unit, queries: queries.map(([expr, legend]) => ({ expr, legend })) });
/** Rate of a counter, per second. */
const rate = (metric: string, labels: string, by: string): string =>
  `sum by (${by}) (rate(${metric}{${labels}}[$__rate_interval]))`;
const mean = (metric: string, labels: string, by: string): string =>
  `${rate(`${metric}_sum`, labels, by)} / (${rate(`${metric}_count`, labels, by)} > 0)`;
const never = 'or vector(0)';
const ofStack = 'namespace, stack';

/** The ten stacks of the fleet with the highest values. */
const topTen = (title: string, unit: string, query: string, otherwise = '') =>
  course(
    view(title, 'The ten stacks with the highest values', unit, [
      `topk(10, ${query}) ${otherwise}`.trimEnd(),
      '{{namespace}}/{{stack}}',
    ]),
    12,
  );

const base = (title: string, uid: string) =>
  new DashboardBuilder(title)
    .uid(uid)
    .tags(['whatsapp', 'waba-operator'])
    .refresh('30s')
    .time({ from: 'now-3h', to: 'now' })
    .tooltip(SYNC)
    .readonly()
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'));

const variable = (name: string, query: string) =>
  new QueryVariableBuilder(name).datasource(DATASOURCE).query(query).refresh(2).sort(1);

/** One phone number: its state, its throughput and its backlogs. */
const number = base('WhatsApp number', 'waba-number')
  .withVariable(variable('namespace', 'label_values(waba_stack_ready, namespace)'))
  .withVariable(variable('stack', 'label_values(waba_stack_ready{namespace="$namespace"}, stack)'))
  .withRow(new RowBuilder('State'))
  .withPanel(
    stat(
      view('Ready', 'Condition Ready: 1 True, 0 False', 'none', [`waba_stack_ready{${OF_STACK}}`, 'ready']),
      4,
    ),
  )
  .withPanel(
    stat(
      view(
        'Shards served',
        'Shards whose Coreapp is connected, and declared shards',
        'none',
        [`waba_stack_shards_served{${OF_STACK}}`, 'served'],
        [`waba_stack_shards_desired{${OF_STACK}}`, 'declared'],
      ),
      6,
    ),
  )
  .withPanel(
    stat(
      view('Build expires in', 'Time until the client version stops working', 's', [
        `waba_stack_build_expiry_timestamp_seconds{${OF_STACK}} - time()`,
        'left',
      ]),
      5,
    ),
  )
  .withPanel(
    stat(
      view(
        'Pending messages',
        'Messages that WhatsApp has not accepted yet; when the queue is full, requests fail with error 1016',
        'none',
        [`sum(pending_messages{${OF_STACK}})`, 'messages'],
      ),
      5,
    ),
  )
  .withPanel(
    stat(
      view(
        'Pending callbacks',
        'Callbacks that the webhook has not acknowledged yet; from 100,000 on, requests fail with error 1016',
        'none',
        [`sum(db_pending_callbacks{${OF_STACK}})`, 'callbacks'],
      ),
      4,
    ),
  )
  .withPanel(
    course(
      view('Nodes', 'Nodes by role and gateway status; standby Coreapps are disconnected', 'none', [
        `waba_stack_nodes{${OF_STACK}}`,
        '{{role}} {{gateway_status}}',
      ]),
      12,
    ),
  )
  .withPanel(
    course(
      view('Conditions', '1 True, 0 False, -1 Unknown', 'none', [
        `waba_stack_condition{${OF_STACK}}`,
        '{{condition}} {{reason}}',
      ]),
      12,
    ),
  )
  .withRow(new RowBuilder('API'))
  .withPanel(
    course(
      view('Requests', 'API requests by result', 'reqps', [
        rate('api_requests_duration_ms_count', OF_STACK, 'result'),
        '{{result}}',
      ]),
      12,
    ),
  )
  .withPanel(
    course(
      view('Response time', 'Mean response time of API requests, by endpoint', 'ms', [
        mean('api_requests_duration_ms', OF_STACK, 'method'),
        '{{method}}',
      ]),
      12,
    ),
  )
  .withRow(new RowBuilder('Messages'))
  .withPanel(
    course(
      view('Messages accepted', 'Outbound messages that the API accepted, by type', 'msg/s', [
        rate('out_message_persisted', OF_STACK, 'type'),
        '{{type}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view('Message statuses', 'Statuses of outbound messages', 'msg/s', [
        rate('out_message_status', OF_STACK, 'status'),
        '{{status}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view('Time to WhatsApp', 'Mean time from acceptance by the API to acceptance by WhatsApp', 'ms', [
        mean('out_message_sent_duration_ms', OF_STACK, 'type'),
        '{{type}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view('Messages received', 'Inbound messages, by type', 'msg/s', [
        rate('in_message_persisted', OF_STACK, 'type'),
        '{{type}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view('Callbacks', 'Webhook calls by result', 'reqps', [
        rate('callback_requests_duration_ms_count', OF_STACK, 'result'),
        '{{result}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view('Webhook response time', 'Mean response time of the webhook, by type of callback', 'ms', [
        mean('callback_requests_duration_ms', OF_STACK, 'type'),
        '{{type}}',
      ]),
      8,
    ),
  )
  .withRow(new RowBuilder('Backups'))
  .withPanel(
    stat(
      view('Backup current', 'Condition BackupCurrent: 1 True, 0 False', 'none', [
        `waba_stack_condition{${OF_STACK},condition="BackupCurrent"}`,
        '{{reason}}',
      ]),
      6,
    ),
  )
  .withPanel(
    stat(
      view('Age of the last good backup', 'What is newer is lost with the database', 's', [
        `time() - waba_backup_last_success_timestamp_seconds{${OF_STACK}}`,
        'age',
      ]),
      6,
    ),
  )
  .withPanel(
    stat(
      view('Duration', 'How long the last good backup took', 's', [
        `waba_backup_last_duration_seconds{${OF_STACK}}`,
        'duration',
      ]),
      6,
    ),
  )
  .withPanel(
    stat(
      view('Size', 'Size of the last good backup at its destination', 'bytes', [
        `waba_backup_last_bytes{${OF_STACK}}`,
        'size',
      ]),
      6,
    ),
  )
  .withRow(new RowBuilder('Operator'))
  .withPanel(
    course(
      view(
        'Settings repaired',
        'Settings that were changed in the stack and set back by the operator, by field',
        'none',
        [`sum by (field) (waba_stack_drift_repaired_total{${OF_STACK}}) ${never}`, '{{field}}'],
      ),
      8,
    ),
  )
  .withPanel(
    course(
      view(
        'Restarts requested',
        'Restarts that changed settings and certificates triggered, by role',
        'none',
        [`waba_stack_restarts_ordered{${OF_STACK}}`, '{{role}}'],
      ),
      8,
    ),
  )
  .withPanel(
    course(
      view(
        'Rows in the database',
        'Counted every five minutes, because counting is slow',
        'none',
        [`sum by (type) (db_messages{${OF_STACK}})`, 'messages {{type}}'],
        [`sum(db_message_receipts{${OF_STACK}})`, 'receipts'],
      ),
      8,
    ),
  );

/** All phone numbers: which of them need attention. */
const fleet = base('WhatsApp fleet', 'waba-fleet')
  .withRow(new RowBuilder('State'))
  .withPanel(
    stat(
      view('Stacks', 'Stacks that the operator manages', 'none', ['count(waba_stack_ready)', 'stacks']),
      6,
    ),
  )
  .withPanel(
    stat(
      view('Not Ready', 'Stacks that need attention or are still starting', 'none', [
        `count(waba_stack_ready == 0) ${never}`,
        'stacks',
      ]),
      6,
    ),
  )
  .withPanel(
    stat(
      view(
        'Builds expiring in 30 days',
        'Stacks to upgrade: their client version stops working within 30 days',
        'none',
        [`count(waba_stack_build_expiry_timestamp_seconds - time() < 30 * 86400) ${never}`, 'stacks'],
      ),
      6,
    ),
  )
  .withPanel(
    stat(
      view(
        'Shards not served',
        'Declared shards whose Coreapp is not connected; messages of these shards wait',
        'none',
        ['sum(waba_stack_shards_desired) - sum(waba_stack_shards_served)', 'shards'],
      ),
      6,
    ),
  )
  .withRow(new RowBuilder('Throughput'))
  .withPanel(topTen('Messages accepted', 'msg/s', rate('out_message_persisted', '', ofStack)))
  .withPanel(
    topTen(
      'Requests rejected or failed',
      'reqps',
      rate('api_requests_duration_ms_count', 'result!~"2.."', ofStack),
      never,
    ),
  )
  .withPanel(
    topTen(
      'Callbacks failed',
      'reqps',
      rate('callback_requests_duration_ms_count', 'result!="success"', ofStack),
      never,
    ),
  )
  .withPanel(topTen('Pending messages', 'none', 'sum by (namespace, stack) (pending_messages)'))
  .withRow(new RowBuilder('Backups'))
  .withPanel(
    topTen('Age of the last good backup', 's', 'time() - waba_backup_last_success_timestamp_seconds'),
  )
  .withPanel(
    course(
      view('Backups not current', 'Stacks whose condition BackupCurrent is False, by reason', 'none', [
        `count by (reason) (waba_stack_condition{condition="BackupCurrent"} == 0) ${never}`,
        '{{reason}}',
      ]),
      12,
    ),
  )
  .withRow(new RowBuilder('Operator'))
  .withPanel(
    course(
      view('Queue depth', 'Objects that wait for a reconcile, by queue', 'none', [
        'sum by (name) (workqueue_depth)',
        '{{name}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view('Reconciles', 'Reconciles by controller and result', 'ops', [
        'sum by (controller, result) (rate(controller_runtime_reconcile_total[$__rate_interval]))',
        '{{controller}} {{result}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view(
        'Requests to the API server',
        'Requests of the operator to the Kubernetes API server, by code',
        'reqps',
        ['sum by (code) (rate(rest_client_requests_total[$__rate_interval]))', '{{code}}'],
      ),
      8,
    ),
  );

/** Dashboards by the names of their files. */
export const dashboards: Readonly<Record<string, object>> = { number: number.build(), fleet: fleet.build() };
