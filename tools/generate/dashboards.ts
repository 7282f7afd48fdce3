import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { course, DATASOURCE, SYNC, stat, type View } from './panels.ts';

/** The stack that is looked at. */
const OF_STACK = 'namespace="$namespace",stack="$stack"';
const view = (
  title: string,
  description: string,
  unit: string,
  ...queries: readonly (readonly [expr: string, legend: string])[]
): View => ({ title, description, unit, queries: queries.map(([expr, legend]) => ({ expr, legend })) });
/** Per second of a counter; a minute of quiet is no hole. */
const rate = (metric: string, labels: string, by: string): string =>
  `sum by (${by}) (rate(${metric}{${labels}}[$__rate_interval]))`;
const mean = (metric: string, labels: string, by: string): string =>
  `${rate(`${metric}_sum`, labels, by)} / (${rate(`${metric}_count`, labels, by)} > 0)`;
const never = 'or vector(0)';
const ofStack = 'namespace, stack';

/** Of the whole fleet, the ten stacks with the most. */
const topTen = (title: string, unit: string, query: string, otherwise = '') =>
  course(
    view(title, 'The ten with the most', unit, [
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

/** One number: is it well, how much goes through it, and where it is stuck. */
const number = base('WhatsApp number', 'waba-number')
  .withVariable(variable('namespace', 'label_values(waba_stack_ready, namespace)'))
  .withVariable(variable('stack', 'label_values(waba_stack_ready{namespace="$namespace"}, stack)'))
  .withRow(new RowBuilder('State'))
  .withPanel(
    stat(
      view('Ready', 'The Ready condition: 1 is well', 'none', [`waba_stack_ready{${OF_STACK}}`, 'ready']),
      4,
    ),
  )
  .withPanel(
    stat(
      view(
        'Shards served',
        'Shards with a connected Coreapp, of those declared',
        'none',
        [`waba_stack_shards_served{${OF_STACK}}`, 'served'],
        [`waba_stack_shards_desired{${OF_STACK}}`, 'declared'],
      ),
      6,
    ),
  )
  .withPanel(
    stat(
      view('Build expires in', 'The build stops working then', 's', [
        `waba_stack_build_expiry_timestamp_seconds{${OF_STACK}} - time()`,
        'left',
      ]),
      5,
    ),
  )
  .withPanel(
    stat(
      view('Pending messages', 'Not yet taken by WhatsApp; a full queue is error 1016', 'none', [
        `sum(pending_messages{${OF_STACK}})`,
        'messages',
      ]),
      5,
    ),
  )
  .withPanel(
    stat(
      view('Pending callbacks', 'Not yet taken by the webhook; 100,000 are error 1016', 'none', [
        `sum(db_pending_callbacks{${OF_STACK}})`,
        'callbacks',
      ]),
      4,
    ),
  )
  .withPanel(
    course(
      view('Nodes', 'By role and gateway status; standbys are disconnected', 'none', [
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
      view('Requests', 'By result', 'reqps', [
        rate('api_requests_duration_ms_count', OF_STACK, 'result'),
        '{{result}}',
      ]),
      12,
    ),
  )
  .withPanel(
    course(
      view('Answer time', 'Mean, by call', 'ms', [
        mean('api_requests_duration_ms', OF_STACK, 'method'),
        '{{method}}',
      ]),
      12,
    ),
  )
  .withRow(new RowBuilder('Messages'))
  .withPanel(
    course(
      view('Accepted', 'Stored and on their way', 'msg/s', [
        rate('out_message_persisted', OF_STACK, 'type'),
        '{{type}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view('What became of them', 'Receipts', 'msg/s', [
        rate('out_message_status', OF_STACK, 'status'),
        '{{status}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view('Time to WhatsApp', 'Mean, from acceptance to its servers', 'ms', [
        mean('out_message_sent_duration_ms', OF_STACK, 'type'),
        '{{type}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view('Received', 'From people', 'msg/s', [rate('in_message_persisted', OF_STACK, 'type'), '{{type}}']),
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
      view('Webhook answer time', 'Mean', 'ms', [
        mean('callback_requests_duration_ms', OF_STACK, 'type'),
        '{{type}}',
      ]),
      8,
    ),
  )
  .withRow(new RowBuilder('Operator'))
  .withPanel(
    course(
      view('Changes by hand set back', 'By field', 'none', [
        `sum by (field) (waba_stack_drift_repaired_total{${OF_STACK}}) ${never}`,
        '{{field}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view('Restarts ordered', 'By settings and certificates that need them', 'none', [
        `waba_stack_restarts_ordered{${OF_STACK}}`,
        '{{role}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view(
        'Rows in the database',
        'Heavy to count, so every five minutes',
        'none',
        [`sum by (type) (db_messages{${OF_STACK}})`, 'messages {{type}}'],
        [`sum(db_message_receipts{${OF_STACK}})`, 'receipts'],
      ),
      8,
    ),
  );

/** All numbers: which of them need somebody. */
const fleet = base('WhatsApp fleet', 'waba-fleet')
  .withRow(new RowBuilder('State'))
  .withPanel(
    stat(view('Stacks', 'That an operator acts on', 'none', ['count(waba_stack_ready)', 'stacks']), 6),
  )
  .withPanel(
    stat(
      view('Not Ready', 'That need somebody, or are on their way', 'none', [
        `count(waba_stack_ready == 0) ${never}`,
        'stacks',
      ]),
      6,
    ),
  )
  .withPanel(
    stat(
      view('Builds that end within 30 days', 'To be upgraded', 'none', [
        `count(waba_stack_build_expiry_timestamp_seconds - time() < 30 * 86400) ${never}`,
        'stacks',
      ]),
      6,
    ),
  )
  .withPanel(
    stat(
      view('Shards not served', 'People who get nothing just now', 'none', [
        'sum(waba_stack_shards_desired) - sum(waba_stack_shards_served)',
        'shards',
      ]),
      6,
    ),
  )
  .withRow(new RowBuilder('Throughput'))
  .withPanel(topTen('Messages accepted', 'msg/s', rate('out_message_persisted', '', ofStack)))
  .withPanel(
    topTen(
      'Requests refused or failed',
      'reqps',
      rate('api_requests_duration_ms_count', 'result!~"2.."', ofStack),
      never,
    ),
  )
  .withPanel(
    topTen(
      'Callbacks that fail',
      'reqps',
      rate('callback_requests_duration_ms_count', 'result!="success"', ofStack),
      never,
    ),
  )
  .withPanel(topTen('Pending messages', 'none', 'sum by (namespace, stack) (pending_messages)'))
  .withRow(new RowBuilder('Operator'))
  .withPanel(
    course(
      view('Work waiting', 'Keys in the queues', 'none', ['sum by (name) (workqueue_depth)', '{{name}}']),
      8,
    ),
  )
  .withPanel(
    course(
      view('Reconciles', 'By result', 'ops', [
        'sum by (controller, result) (rate(controller_runtime_reconcile_total[$__rate_interval]))',
        '{{controller}} {{result}}',
      ]),
      8,
    ),
  )
  .withPanel(
    course(
      view('Calls to the API server', 'By code', 'reqps', [
        'sum by (code) (rate(rest_client_requests_total[$__rate_interval]))',
        '{{code}}',
      ]),
      8,
    ),
  );

/** Dashboards by the names of their files. */
export const dashboards: Readonly<Record<string, object>> = { number: number.build(), fleet: fleet.build() };
