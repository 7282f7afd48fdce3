import {
  DashboardBuilder,
  type DashboardLink,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE, SYNC, type View } from './panels.ts';

/** Queries and builders that several dashboards use. */

export const never = 'or vector(0)';

/** Rate of a counter, per second. */
export const rate = (metric: string, labels: string, by: string): string =>
  `sum by (${by}) (rate(${metric}{${labels}}[$__rate_interval]))`;

const mean = (metric: string, labels: string): string =>
  `sum(rate(${metric}_sum{${labels}}[$__rate_interval])) / (sum(rate(${metric}_count{${labels}}[$__rate_interval])) > 0)`;

/** A quantile of the rates of buckets; `by`: more labels to tell apart. */
export const quantile = (share: number, buckets: string, by = ''): string =>
  `histogram_quantile(${share}, sum by (le${by && `, ${by}`}) (${buckets}))`;

const SHARES = { 'half of them': 0.5, '95 %': 0.95, '99 %': 0.99 } as const;

/** How long something takes: the quantiles of its buckets. */
export const quantiles = (buckets: string): View['queries'] =>
  Object.entries(SHARES).map(([legend, share]) => [quantile(share, buckets), legend]);

/** Durations of a stack. The vendor's stack has no buckets, so only its mean is known. */
export const durations = (metric: string, labels: string): View['queries'] => [
  ...quantiles(`rate(${metric}_bucket{${labels}}[$__rate_interval])`),
  [mean(metric, labels), 'mean'],
];

/** How long each stack or condition has been as it is, for those that `now` selects, with the label `reason`. */
export const sinceWhen = (since: string, now: string, by: string): string =>
  `(time() - max by (${by}) (${since})) * on (${by}) group_left (reason) (max by (${by}, reason) (${now}) * 0 + 1)`;

export const numberUrl = (namespace: string, stack: string): string =>
  `/d/waba-number?var-datasource=${DATASOURCE.uid}&var-namespace=${namespace}&var-stack=${stack}`;

const DOCS = 'https://github.com/waba-operator/waba-operator/blob/main/docs';
export const docs = (path: string): string => `${DOCS}/${path}`;

/** Links above the panels. Its builder would hide them in a menu. */
const OTHER_DASHBOARDS: DashboardLink = {
  title: 'WhatsApp',
  type: DashboardLinkType.Dashboards,
  icon: 'external link',
  tooltip: '',
  tags: ['waba-operator'],
  asDropdown: false,
  targetBlank: false,
  includeVars: true,
  keepTime: true,
};

export const dashboard = (title: string, uid: string) =>
  new DashboardBuilder(title)
    .uid(uid)
    .tags(['whatsapp', 'waba-operator'])
    .refresh('30s')
    .time({ from: 'now-3h', to: 'now' })
    .tooltip(SYNC)
    .readonly()
    .link({ build: () => OTHER_DASHBOARDS })
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'));

export const variable = (name: string, query: string) =>
  new QueryVariableBuilder(name).datasource(DATASOURCE).query(query).refresh(2).sort(1);
