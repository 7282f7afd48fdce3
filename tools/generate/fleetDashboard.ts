import { RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  BACKUP_AGE,
  BUILD_LEFT,
  CERTIFICATE_LEFT,
  HALTED,
  HELD,
  NONE,
  NONE_WARNS,
  PENDING_MESSAGES,
  READY,
  REASONS,
  REGISTERED,
} from './meanings.ts';
import { type Column, course, stat, table } from './panels.ts';
import { dashboard, docs, never, numberUrl, rate, sinceWhen } from './queries.ts';

const BY_STACK = 'namespace, stack';
const best = (fold: 'min' | 'max', expr: string): string => `${fold} by (${BY_STACK}) (${expr})`;

/** The ten stacks of the fleet with the highest values. */
const topTen = (title: string, unit: string, query: string, otherwise = '') =>
  course(
    {
      title,
      description: 'The ten stacks with the highest values',
      unit,
      queries: [[`topk(10, ${query}) ${otherwise}`.trimEnd(), '{{namespace}}/{{stack}}']],
    },
    12,
  );

const NAMESPACE: Column = { field: 'namespace', title: 'Namespace' };
/** Leads to the dashboard of the stack of the row. */
const STACK: Column = {
  field: 'stack',
  title: 'Stack',
  link: {
    title: 'Dashboard of this number',
    url: numberUrl(inRow('Namespace'), inRow('Stack')),
  },
};
/** Grafana puts in the cell of the row. */
function inRow(title: string): string {
  return `\${__data.fields["${title}"]}`;
}

/** All phone numbers: which of them need attention. */
export const fleet = dashboard('WhatsApp fleet', 'waba-fleet')
  .withRow(new RowBuilder('State'))
  .withPanel(
    stat(
      {
        title: 'Stacks',
        description: 'Stacks that the operator manages',
        unit: 'none',
        queries: [[`count(${best('max', 'waba_stack_ready')}) ${never}`, 'stacks']],
      },
      4,
    ),
  )
  .withPanel(
    stat(
      {
        title: 'Not Ready',
        description: 'Stacks that need attention or are still starting; without those that a person holds',
        unit: 'none',
        queries: [
          [
            `count(${best('max', 'waba_stack_ready')} == 0 unless on (${BY_STACK}) waba_stack_held == 1) ${never}`,
            'stacks',
          ],
        ],
        levels: NONE,
      },
      4,
    ),
  )
  .withPanel(
    stat(
      {
        title: 'Held by a person',
        description: 'Stacks that are paused, hibernate, or are only planned: no alert fires for them',
        unit: 'none',
        queries: [[`count(${best('max', 'waba_stack_held')} == 1) ${never}`, 'stacks']],
      },
      4,
    ),
  )
  .withPanel(
    stat(
      {
        title: 'Shards not served',
        description: 'Declared shards whose Coreapp is not connected; messages of these shards wait',
        unit: 'none',
        queries: [
          [
            `sum(${best('min', 'waba_stack_shards_desired - waba_stack_shards_served')} > 0) ${never}`,
            'shards',
          ],
        ],
        levels: NONE,
      },
      4,
    ),
  )
  .withPanel(
    stat(
      {
        title: 'Builds expiring in 30 days',
        description: 'Stacks to upgrade: their client version stops working within 30 days',
        unit: 'none',
        queries: [
          [
            `count(${best('min', 'waba_stack_build_expiry_timestamp_seconds')} - time() < 30 * 86400) ${never}`,
            'stacks',
          ],
        ],
        levels: NONE_WARNS,
      },
      4,
    ),
  )
  .withPanel(
    stat(
      {
        title: 'Backups not current',
        description: 'Stacks whose last good backup is older than their schedule says',
        unit: 'none',
        queries: [
          [
            `count(${best('max', 'waba_stack_condition{condition="BackupCurrent",reason!~"Suspended|NoBackupYet"}')} == 0) ${never}`,
            'stacks',
          ],
        ],
        levels: NONE_WARNS,
      },
      4,
    ),
  )
  .withPanel(
    table(
      {
        title: 'Stacks that are not Ready, and why',
        description:
          'Those that a person holds are among them, in blue. A click on a stack opens its dashboard',
        queries: [
          sinceWhen(
            'waba_stack_condition_since_timestamp_seconds{condition="Ready"}',
            'waba_stack_condition{condition="Ready"} < 1',
            BY_STACK,
          ),
        ],
        noValue: 'all are Ready',
      },
      [
        NAMESPACE,
        STACK,
        {
          field: 'reason',
          title: 'Reason',
          states: REASONS,
          link: { title: 'What it means, and what to do', url: docs('conditions.md') },
        },
        { field: 'Value', title: 'For', unit: 's' },
      ],
      8,
    ),
  )
  .withPanel(
    table(
      {
        title: 'Alerts that fire',
        description: 'As Prometheus evaluates them; a click on an alert opens its runbook',
        queries: [
          'max by (alertname, severity, namespace, stack) (ALERTS{alertname=~"Waba.*",alertstate="firing"})',
        ],
        noValue: 'none',
      },
      [
        {
          field: 'alertname',
          title: 'Alert',
          link: { title: 'Runbook', url: docs(`runbooks/${inRow('Alert')}.md`) },
        },
        {
          field: 'severity',
          title: 'Severity',
          states: { critical: ['critical', 'red'], warning: ['warning', 'orange'] },
        },
        NAMESPACE,
        STACK,
      ],
      7,
    ),
  )
  .withPanel(
    table(
      {
        title: 'All stacks',
        description: 'A click on a stack opens its dashboard',
        queries: [
          best('max', 'waba_stack_ready'),
          best('max', 'waba_stack_held'),
          best('max', 'waba_stack_condition{condition="Registered"}'),
          best('min', 'waba_stack_shards_desired - waba_stack_shards_served'),
          `sum by (${BY_STACK}) (pending_messages)`,
          `${best('min', 'waba_stack_build_expiry_timestamp_seconds')} - time()`,
          `${best('min', 'waba_stack_certificate_expiry_timestamp_seconds')} - time()`,
          `time() - ${best('max', 'waba_backup_last_success_timestamp_seconds')}`,
        ],
      },
      [
        NAMESPACE,
        STACK,
        { field: 'Value #A', title: 'Ready', states: READY },
        { field: 'Value #B', title: 'Held', states: HELD },
        { field: 'Value #C', title: 'Registration', states: REGISTERED },
        { field: 'Value #D', title: 'Shards not served', levels: NONE },
        { field: 'Value #E', title: 'Pending messages', levels: PENDING_MESSAGES },
        { field: 'Value #F', title: 'Build expires in', unit: 's', levels: BUILD_LEFT },
        { field: 'Value #G', title: 'Certificate expires in', unit: 's', levels: CERTIFICATE_LEFT },
        { field: 'Value #H', title: 'Age of the backup', unit: 's', levels: BACKUP_AGE },
      ],
      10,
    ),
  )
  .withRow(new RowBuilder('Throughput'))
  .withPanel(topTen('Messages accepted', 'msg/s', rate('out_message_persisted', '', BY_STACK)))
  .withPanel(
    topTen(
      'Requests rejected or failed',
      'reqps',
      rate('api_requests_duration_ms_count', 'result!~"2.."', BY_STACK),
      never,
    ),
  )
  .withPanel(
    topTen(
      'Callbacks failed',
      'reqps',
      rate('callback_requests_duration_ms_count', 'result!="success"', BY_STACK),
      never,
    ),
  )
  .withPanel(topTen('Pending messages', 'none', `sum by (${BY_STACK}) (pending_messages)`))
  .withRow(new RowBuilder('Rollouts'))
  .withPanel(
    table(
      {
        title: 'Fleets',
        description:
          'Rollouts of WhatsAppFleets that are not complete; kubectl waba fleet status NAME says more',
        queries: [
          'max by (namespace, fleet) (waba_fleet_condition{condition="Complete"}) == 0',
          'max by (namespace, fleet) (waba_fleet_condition{condition="Halted"})',
        ],
        noValue: 'no rollout is under way',
      },
      [
        NAMESPACE,
        {
          field: 'fleet',
          title: 'Fleet',
          link: { title: 'How to go on or back', url: docs('runbooks/WabaFleetHalted.md') },
        },
        { field: 'Value #B', title: 'Halted', states: HALTED },
      ],
      8,
    ),
  )
  .withPanel(
    course(
      {
        title: 'Stacks by state',
        description: 'Stacks of all fleets: up to date, changing, waiting for their ring, held or failed',
        unit: 'none',
        queries: [[`sum by (fleet, state) (waba_fleet_stacks) ${never}`, '{{fleet}} {{state}}']],
      },
      12,
    ),
  )
  .withRow(new RowBuilder('Backups'))
  .withPanel(
    topTen(
      'Age of the last good backup',
      's',
      `time() - ${best('max', 'waba_backup_last_success_timestamp_seconds')}`,
    ),
  )
  .withPanel(
    course(
      {
        title: 'Backups not current',
        description: 'Stacks whose condition BackupCurrent is False, by reason',
        unit: 'none',
        queries: [
          [
            `count by (reason) (max by (${BY_STACK}, reason) (waba_stack_condition{condition="BackupCurrent"}) == 0) ${never}`,
            '{{reason}}',
          ],
        ],
      },
      12,
    ),
  );
