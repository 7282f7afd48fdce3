import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardCursorSync,
  type DataSourceRef,
  type Panel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** Title, unit and queries of a panel. */
export interface View {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana replaces this variable
export const DATASOURCE: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };
export const SYNC = DashboardCursorSync.Crosshair;

const target = ({ expr, legend }: View['queries'][number]) =>
  new DataqueryBuilder().expr(expr).legendFormat(legend);

/** A panel with the current value. */
export function stat(view: View, span: number): Builder<Panel> {
  const panel = new StatBuilder()
    .title(view.title)
    .description(view.description)
    .unit(view.unit)
    .datasource(DATASOURCE)
    .span(span)
    .height(4);
  for (const query of view.queries) panel.withTarget(target(query).instant());
  return panel;
}

/** A panel with the values over time. */
export function course(view: View, span: number): Builder<Panel> {
  const panel = new TimeseriesBuilder()
    .title(view.title)
    .description(view.description)
    .unit(view.unit)
    .min(0)
    .datasource(DATASOURCE)
    .span(span)
    .height(8);
  for (const query of view.queries) panel.withTarget(target(query));
  return panel;
}
