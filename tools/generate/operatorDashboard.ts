import { RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { ofOperator } from './alerts.ts';
import { atMost, NONE, QUANTILES, RESULTS, WORKING } from './meanings.ts';
import { course, stat } from './panels.ts';
import { dashboard, never, quantiles } from './queries.ts';

/** Names that all controllers and Node.js programs use: of those in Prometheus, only the ones of this operator. */
const rated = (metric: string): string => ofOperator(`rate(${metric}[$__rate_interval])`);
const grew = (metric: string): string => `sum(${ofOperator(`increase(${metric}[1h])`)}) ${never}`;
const byReplica = (expr: string): string => `max by (instance) (${expr})`;

const LAG = atMost([0.05, 'yellow'], [0.5, 'red']);

/** The operator itself: whether it works, what it waits for, and what it costs. */
export const operator = dashboard('WhatsApp operator', 'waba-operator')
  .withRow(new RowBuilder('State'))
  .withPanel(
    stat(
      {
        title: 'Replicas',
        description:
          'The one that leads acts on the stacks, and the others wait; with shards, each acts on its share',
        unit: 'none',
        queries: [
          ['max by (installation, instance) (waba_operator_working)', '{{installation}} {{instance}}'],
        ],
        states: WORKING,
        noValue: 'no operator',
      },
      8,
    ),
  )
  .withPanel(
    stat(
      {
        title: 'Version',
        description: 'Replicas by version; more than one while an upgrade is under way',
        unit: 'none',
        queries: [['count by (version) (waba_operator_info)', '{{version}}']],
        noValue: 'no operator',
      },
      4,
    ),
  )
  .withPanel(
    stat(
      {
        title: 'Objects that wait',
        description: 'For a reconcile, in all queues',
        unit: 'none',
        queries: [[`sum(${ofOperator('workqueue_depth')})`, 'objects']],
        levels: atMost([50, 'yellow'], [500, 'red']),
      },
      4,
    ),
  )
  .withPanel(
    stat(
      {
        title: 'Errors in the last hour',
        description: 'Reconciles that ended with an error; the operator repeats them',
        unit: 'none',
        queries: [[grew('controller_runtime_reconcile_errors_total'), 'errors']],
        levels: atMost([1, 'yellow'], [100, 'red']),
      },
      4,
    ),
  )
  .withPanel(
    stat(
      {
        title: 'Bugs in the last hour',
        description: 'Reconciles that ended by a bug; the log has the trace',
        unit: 'none',
        queries: [[grew('controller_runtime_reconcile_panics_total'), 'bugs']],
        levels: NONE,
      },
      4,
    ),
  )
  .withRow(new RowBuilder('Work'))
  .withPanel(
    course(
      {
        title: 'Queue depth',
        description: 'Objects that wait for a reconcile, by queue',
        unit: 'none',
        queries: [[`sum by (name) (${ofOperator('workqueue_depth')})`, '{{name}}']],
      },
      8,
    ),
  )
  .withPanel(
    course(
      {
        title: 'Wait in the queue',
        description: 'How long an object waits for its reconcile',
        unit: 's',
        queries: quantiles(rated('workqueue_queue_duration_seconds_bucket')),
      },
      8,
      QUANTILES,
    ),
  )
  .withPanel(
    course(
      {
        title: 'Longest reconcile under way',
        description: 'One that grows and grows hangs',
        unit: 's',
        queries: [
          [`max by (name) (${ofOperator('workqueue_longest_running_processor_seconds')})`, '{{name}}'],
        ],
      },
      8,
    ),
  )
  .withPanel(
    course(
      {
        title: 'Reconciles',
        description: 'Reconciles by controller and result',
        unit: 'ops',
        queries: [
          [
            `sum by (controller, result) (${rated('controller_runtime_reconcile_total')})`,
            '{{controller}} {{result}}',
          ],
        ],
      },
      12,
      { '/ error$/': 'red' },
    ),
  )
  .withPanel(
    course(
      {
        title: 'Duration of a reconcile',
        description: 'Of all controllers',
        unit: 's',
        queries: quantiles(rated('controller_runtime_reconcile_time_seconds_bucket')),
      },
      12,
      QUANTILES,
    ),
  )
  .withRow(new RowBuilder('API server'))
  .withPanel(
    course(
      {
        title: 'Requests to the API server',
        description: 'Requests of the operator to the Kubernetes API server, by code',
        unit: 'reqps',
        queries: [[`sum by (code) (${rated('rest_client_requests_total')})`, '{{code}}']],
      },
      8,
      RESULTS,
    ),
  )
  .withPanel(
    course(
      {
        title: 'Response time of the API server',
        description: 'Of all requests but watches',
        unit: 's',
        queries: quantiles(rated('rest_client_request_duration_seconds_bucket')),
      },
      8,
      QUANTILES,
    ),
  )
  .withPanel(
    course(
      {
        title: 'Silence of the watches',
        description:
          'Since the last event or bookmark, by kind; a watch that is silent for minutes is broken',
        unit: 's',
        queries: [[`max by (kind) (${ofOperator('watch_last_event_age_seconds')})`, '{{kind}}']],
      },
      8,
    ),
  )
  .withRow(new RowBuilder('Process'))
  .withPanel(
    course(
      {
        title: 'Memory',
        description: 'Resident memory, and the part of it that JavaScript uses',
        unit: 'bytes',
        queries: [
          [byReplica(ofOperator('process_resident_memory_bytes')), '{{instance}} resident'],
          [byReplica(ofOperator('nodejs_heap_size_used_bytes')), '{{instance}} heap'],
        ],
      },
      8,
    ),
  )
  .withPanel(
    course(
      {
        title: 'CPU',
        description: 'Seconds of CPU per second',
        unit: 'none',
        queries: [[byReplica(rated('process_cpu_seconds_total')), '{{instance}}']],
      },
      8,
    ),
  )
  .withPanel(
    course(
      {
        title: 'Event loop lag',
        description: 'How late timers fire: while it is long, leases and watches suffer',
        unit: 's',
        queries: [
          [byReplica(ofOperator('nodejs_eventloop_lag_p50_seconds')), '{{instance}} half of the time'],
          [byReplica(ofOperator('nodejs_eventloop_lag_p99_seconds')), '{{instance}} 99 %'],
          [byReplica(ofOperator('nodejs_eventloop_lag_max_seconds')), '{{instance}} longest'],
        ],
        levels: LAG,
      },
      8,
    ),
  );
