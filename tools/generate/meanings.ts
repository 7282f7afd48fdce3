import { MappingType, type ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import { BLOCKING_REASONS } from '../../src/operator/resource/conditions.ts';

/** What values mean to a person: words and colours, the same in every dashboard. */

export type Color = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'purple' | 'text';

/** Colours by value, ascending: from which value on; null: from the lowest. */
export type Levels = readonly (readonly [from: number | null, color: Color])[];

/** Words and colours of single values. */
export type States = Readonly<Record<string, readonly [text: string, color: Color]>>;

export const mappingsOf = (states: States): ValueMapping[] => [
  {
    type: MappingType.ValueToText,
    options: Object.fromEntries(
      Object.entries(states).map(([value, [text, color]], index) => [value, { text, color, index }]),
    ),
  },
];

/** Green up to a limit. */
export const atMost = (...limits: readonly (readonly [from: number, color: Color])[]): Levels => [
  [null, 'green'],
  ...limits,
];
/** Any is one too many. */
export const NONE = atMost([1, 'red']);
export const NONE_WARNS = atMost([1, 'orange']);

const DAY = 86_400;
/** Seconds until a date. The limits of the alerts are among them. */
export const BUILD_LEFT: Levels = [
  [null, 'red'],
  [7 * DAY, 'orange'],
  [14 * DAY, 'yellow'],
  [30 * DAY, 'green'],
];
export const CERTIFICATE_LEFT: Levels = [
  [null, 'red'],
  [2 * DAY, 'orange'],
  [7 * DAY, 'yellow'],
  [14 * DAY, 'green'],
];
/** Share of a volume that is left. */
export const VOLUME_LEFT: Levels = [
  [null, 'red'],
  [0.1, 'orange'],
  [0.2, 'green'],
];
export const PENDING_MESSAGES = atMost([1_000, 'yellow'], [5_000, 'red']);
export const PENDING_CALLBACKS = atMost([5_000, 'yellow'], [20_000, 'orange'], [100_000, 'red']);
export const BACKUP_AGE = atMost([2 * DAY, 'yellow'], [7 * DAY, 'orange']);

export const CONDITION: States = {
  '1': ['True', 'green'],
  '0': ['False', 'red'],
  '-1': ['Unknown', 'purple'],
};
export const READY: States = { '1': ['Ready', 'green'], '0': ['not Ready', 'red'] };
export const REGISTERED: States = {
  '1': ['registered', 'green'],
  '0': ['not registered', 'red'],
  '-1': ['unknown', 'purple'],
};
export const HELD: States = { '0': ['no', 'green'], '1': ['held', 'blue'] };
export const HALTED: States = { '0': ['no', 'green'], '1': ['halted', 'orange'] };
/** Conditions that are no trouble, True or False. */
export const NEUTRAL_CONDITIONS = 'Progressing|Paused|Hibernated';
export const NEUTRAL: States = {
  '1': ['True', 'blue'],
  '0': ['False', 'text'],
  '-1': ['Unknown', 'purple'],
};
export const WORKING: States = { '1': ['acts', 'green'], '0': ['waits', 'blue'] };
export const UP: States = { '1': ['yes', 'green'], '0': ['no', 'red'] };

/** Reasons by what they ask for: a person (red), nothing (blue, a person decided so). Others pass by themselves. */
export const REASONS: States = {
  ...Object.fromEntries([...BLOCKING_REASONS].sort().map((reason) => [reason, [reason, 'red'] as const])),
  ...Object.fromEntries(
    ['Paused', 'Hibernated', 'Hibernating', 'PlanOnly'].map((reason) => [reason, [reason, 'blue'] as const]),
  ),
};

/** Series by HTTP status or result. */
export const RESULTS: Readonly<Record<string, Color>> = {
  '/^(2..|success)$/': 'green',
  '/^3/': 'yellow',
  '/^4/': 'orange',
  '/^5/': 'red',
};
export const STATUSES: Readonly<Record<string, Color>> = {
  sent: 'blue',
  delivered: 'green',
  read: 'purple',
  failed: 'red',
};
/** The higher the quantile, the hotter. */
export const QUANTILES: Readonly<Record<string, Color>> = {
  mean: 'text',
  'half of them': 'green',
  '95 %': 'orange',
  '99 %': 'red',
};
