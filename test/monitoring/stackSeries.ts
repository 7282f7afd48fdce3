import { CONDITION_TYPES, type ConditionType } from '../../src/operator/resource/conditions.ts';

/** The course of a value: for how many minutes, and which; undefined: there is no sample. */
type Course = readonly (readonly [minutes: number, value: number | undefined])[];

/** Series with their values, minute by minute. */
export type Series = Readonly<Record<string, readonly string[]>>;

/** Every problem begins and ends at these minutes; the series end later. */
export const TROUBLE = { fromMin: 5, untilMin: 100, endMin: 170 } as const;
const { fromMin, untilMin, endMin } = TROUBLE;
const DURING: readonly [number, number, number] = [fromMin, untilMin - fromMin, endMin - untilMin];

/** A value that differs during the trouble. */
export const gauge = (usual: number, during = usual): readonly string[] =>
  expanded([
    [DURING[0], usual],
    [DURING[1], during],
    [DURING[2], usual],
  ]);

/** A counter by its increase per minute, which differs during the trouble. */
export function counter(usual: number, during = usual): readonly string[] {
  let total = 0;
  return Array.from({ length: endMin }, (_, minute) => {
    total += minute >= fromMin && minute < untilMin ? during : usual;
    return String(total);
  });
}

/** A point in time, by the days until then: the tests begin at time 0. */
export const timestamp = (usualDays: number, duringDays = usualDays): readonly string[] =>
  gauge(usualDays * DAY_S, duringDays * DAY_S);
const DAY_S = 86_400;

function expanded(course: Course): readonly string[] {
  let had = false;
  return course.flatMap(([minutes, value]) =>
    Array.from({ length: minutes }, (_, index) => {
      // Without a marker Prometheus takes the last value for five more minutes.
      const text = value !== undefined ? String(value) : had && index === 0 ? 'stale' : '_';
      had = value !== undefined;
      return text;
    }),
  );
}

/** Later series replace earlier ones of the same name. */
export const merged = (all: readonly Series[]): Series => Object.assign({}, ...all);

const labelled = (name: string, labels: Readonly<Record<string, string>>): string =>
  `${name}{${Object.entries(labels)
    .map(([key, value]) => `${key}="${value}"`)
    .join(',')}}`;

/** The labels that Prometheus adds to what the leading replica exports. */
const TARGET = { job: 'waba-operator', instance: '10.0.0.7:8081' };

export const operatorSeries = (name: string, labels: Readonly<Record<string, string>> = {}): string =>
  labelled(name, { ...TARGET, ...labels });
export const stackSeries = (
  stack: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): string => operatorSeries(name, { namespace: 'default', stack, ...labels });
const diskSeries = (name: string, stack: string): string =>
  labelled(name, {
    job: 'kubelet',
    instance: 'node-1',
    namespace: 'default',
    persistentvolumeclaim: `${stack}-database`,
  });
const kubelet = {
  available: 'kubelet_volume_stats_available_bytes',
  capacity: 'kubelet_volume_stats_capacity_bytes',
};
export const disk = (stack: string, percentLeft: number): Series => ({
  [diskSeries(kubelet.available, stack)]: gauge(60e9, percentLeft * 1e9),
  [diskSeries(kubelet.capacity, stack)]: gauge(100e9),
});

const condition = (stack: string, type: ConditionType, reason: string): string =>
  stackSeries(stack, 'waba_stack_condition', { condition: type, reason });
/** Conditions that are True only while somebody holds the stack. */
const isUsuallyTrue = (type: ConditionType): boolean =>
  type !== 'Paused' && type !== 'Hibernated' && type !== 'Progressing';

/** A condition that is False, or -1 Unknown, for a reason during the trouble. */
export const turns = (stack: string, type: ConditionType, reason: string, value = 0): Series => ({
  [condition(stack, type, 'Usual')]: absentDuring(isUsuallyTrue(type) ? 1 : 0),
  [condition(stack, type, reason)]: onlyDuring(value),
});

const absentDuring = (usual: number): readonly string[] =>
  expanded([
    [DURING[0], usual],
    [DURING[1], undefined],
    [DURING[2], usual],
  ]);
const onlyDuring = (value: number): readonly string[] =>
  expanded([
    [DURING[0], undefined],
    [DURING[1], value],
    [DURING[2], undefined],
  ]);

/** The stack is not Ready because of these conditions; the first one gives the reason. */
export const notReady = (
  stack: string,
  reasons: Partial<Record<ConditionType, string>>,
  unknown: readonly ConditionType[] = [],
): Series => ({
  [stackSeries(stack, 'waba_stack_ready')]: gauge(1, 0),
  ...turns(stack, 'Ready', Object.values(reasons)[0] ?? ''),
  ...merged(
    CONDITION_TYPES.map((type) => {
      const reason = reasons[type];
      if (reason !== undefined) return turns(stack, type, reason);
      return unknown.includes(type) ? turns(stack, type, 'Waiting', -1) : {};
    }),
  ),
});

/** Another state of the registration during the trouble. */
export const registrationTurns = (stack: string, state: string): Series => ({
  [stackSeries(stack, 'waba_stack_registration', { state: 'Registered' })]: absentDuring(1),
  [stackSeries(stack, 'waba_stack_registration', { state })]: onlyDuring(1),
});

export const shardsServed = (stack: string, served: number): Series => ({
  [stackSeries(stack, 'waba_stack_shards_served')]: gauge(2, served),
});
/** No counter of the stack can be read. */
export const noStats = (stack: string): Series => ({
  [stackSeries(stack, 'waba_stack_up', { source: 'app' })]: gauge(1, 0),
});
export const held = (stack: string): Series => ({
  [stackSeries(stack, 'waba_stack_held')]: gauge(0, 1),
});

export const requests = (result: string) =>
  ({ method: 'POST_v1_messages', result, node: 'shop-webapp-1' }) as const;
export const callbacks = (result: string) => ({ type: 'status_change', result, node: 'n' }) as const;

/** A stack that is well. */
export const healthyStack = (stack: string): Series => ({
  ...Object.fromEntries(
    CONDITION_TYPES.map((type) => [condition(stack, type, 'Usual'), gauge(isUsuallyTrue(type) ? 1 : 0)]),
  ),
  ...Object.fromEntries(
    Object.entries({
      waba_stack_ready: 1,
      waba_stack_held: 0,
      waba_stack_shards_desired: 2,
      waba_stack_shards_served: 2,
      pending_messages: 3,
      db_pending_callbacks: 5,
    }).map(([name, value]) => [stackSeries(stack, name), gauge(value)]),
  ),
  ...Object.fromEntries(
    ['coreapp', 'master'].flatMap((role) =>
      ['desired', 'ready'].map((which) => [
        stackSeries(stack, `waba_stack_standbys_${which}`, { role }),
        gauge(1),
      ]),
    ),
  ),
  ...Object.fromEntries(
    ['webapp', 'app', 'db'].map((source) => [stackSeries(stack, 'waba_stack_up', { source }), gauge(1)]),
  ),
  [stackSeries(stack, 'waba_stack_registration', { state: 'Registered' })]: gauge(1),
  [stackSeries(stack, 'waba_stack_build_expiry_timestamp_seconds')]: timestamp(90),
  [stackSeries(stack, 'waba_stack_certificate_expiry_timestamp_seconds')]: timestamp(60),
  [stackSeries(stack, 'api_requests_duration_ms_count', requests('201'))]: counter(90),
  [stackSeries(stack, 'callback_requests_duration_ms_count', callbacks('success'))]: counter(90),
  [stackSeries(stack, 'out_message_status', { status: 'sent' })]: counter(90),
  [stackSeries(stack, 'waba_stack_database_claim', { persistentvolumeclaim: `${stack}-database` })]: gauge(1),
  ...disk(stack, 60),
});

/** An operator that is well, beside another one whose reconciles all fail under the same names. */
export const healthyOperator: Series = {
  [operatorSeries('waba_operator_info', { version: '1.0.0', installation: 'waba/operator' })]: gauge(1),
  [operatorSeries('waba_operator_working', { installation: 'waba/operator' })]: gauge(1),
  [operatorSeries('controller_runtime_reconcile_total', { controller: 'workloads', result: 'success' })]:
    counter(60),
  [operatorSeries('controller_runtime_reconcile_errors_total', { controller: 'workloads' })]: counter(0),
  'controller_runtime_reconcile_total{job="other",instance="o",controller="other",result="error"}':
    counter(60),
  'controller_runtime_reconcile_errors_total{job="other",instance="o",controller="other"}': counter(60),
};
/** Nothing of what the operator exports is there. */
export const withoutOperator = (series: Series): Series =>
  Object.fromEntries(
    Object.entries(series).map(([name, values]) => [
      name,
      name.includes(`job="${TARGET.job}"`)
        ? values.map((text, minute) =>
            minute < fromMin || minute >= untilMin ? text : minute === fromMin ? 'stale' : '_',
          )
        : values,
    ]),
  );
