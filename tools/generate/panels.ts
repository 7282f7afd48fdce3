import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  ReduceDataOptionsBuilder,
  TableCellDisplayMode,
  VisibilityMode,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardCursorSync,
  type DataSourceRef,
  FieldColorBuilder,
  FieldColorModeId,
  type Panel,
  type ThresholdsConfig,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { type Color, type Levels, mappingsOf, type States } from './meanings.ts';

/** What a panel shows. */
export interface View {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  /** Colours by value: from which value on. */
  readonly levels?: Levels;
  /** Words and colours for single values. */
  readonly states?: States;
  /** Text while there is no sample; "No data" unless given. */
  readonly noValue?: string;
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana replaces this variable
export const DATASOURCE: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };
export const SYNC = DashboardCursorSync.Crosshair;

const refIds = 'ABCDEFGHIJKLMNOP';
const target = (expr: string, legend: string, index: number): DataqueryBuilder =>
  new DataqueryBuilder()
    .expr(expr)
    .legendFormat(legend)
    .refId(refIds[index] ?? '');

const thresholds = (levels: Levels): Builder<ThresholdsConfig> =>
  new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps(levels.map(([value, color]) => ({ value, color })));

const colorMode = (mode: FieldColorModeId) => new FieldColorBuilder().mode(mode);

/** What all panels that can have levels and states share. */
function dressed<
  P extends {
    title(text: string): P;
    description(text: string): P;
    unit(unit: string): P;
    datasource(ref: DataSourceRef): P;
    span(width: number): P;
    height(height: number): P;
    thresholds(steps: Builder<ThresholdsConfig>): P;
    mappings(mappings: ValueMapping[]): P;
    noValue(text: string): P;
  },
>(panel: P, { title, description, unit, levels, states, noValue }: View, span: number, height: number): P {
  panel.title(title).description(description).unit(unit).datasource(DATASOURCE).span(span).height(height);
  if (levels) panel.thresholds(thresholds(levels));
  if (states) panel.mappings(mappingsOf(states));
  if (noValue !== undefined) panel.noValue(noValue);
  return panel;
}

/** A panel with the current value, coloured by its levels or states. */
export function stat(view: View, span: number): Builder<Panel> {
  const isColoured = view.levels !== undefined || view.states !== undefined;
  const isNamed = view.queries.some(([, legend]) => legend.includes('{{'));
  const panel = dressed(new StatBuilder(), view, span, 4)
    .graphMode(BigValueGraphMode.None)
    .textMode(isNamed || view.queries.length > 1 ? BigValueTextMode.ValueAndName : BigValueTextMode.Value)
    .colorMode(isColoured ? BigValueColorMode.Background : BigValueColorMode.None)
    .colorScheme(colorMode(FieldColorModeId.Thresholds))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  for (const [index, [expr, legend]] of view.queries.entries())
    panel.withTarget(target(expr, legend, index).instant());
  return panel;
}

/**
 * A panel with the values over time, and lines where its levels begin. `colors`: of the series whose legend matches;
 * `names`: longer ones, by legend.
 */
export function course(
  view: View,
  span: number,
  colors: Readonly<Record<string, Color>> = {},
  names: Readonly<Record<string, string>> = {},
): Builder<Panel> {
  const panel = dressed(new TimeseriesBuilder(), view, span, 8)
    .min(0)
    .colorScheme(colorMode(FieldColorModeId.PaletteClassicByName));
  for (const [pattern, fixedColor] of Object.entries(colors))
    panel.overrideByRegexp(pattern, [{ id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor } }]);
  for (const [legend, name] of Object.entries(names))
    panel.overrideByName(legend, [{ id: 'displayName', value: name }]);
  if (view.levels)
    panel.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  for (const [index, [expr, legend]] of view.queries.entries()) panel.withTarget(target(expr, legend, index));
  return panel;
}

/** A bar for each series that changes its colour with its state. `others`: states of the series whose legend matches. */
export function timeline(
  view: View & { readonly states: States },
  span: number,
  height: number,
  others: readonly (readonly [pattern: string, states: States])[] = [],
): Builder<Panel> {
  const panel = dressed(new TimelineBuilder(), view, span, height)
    .showValue(VisibilityMode.Auto)
    .mergeValues(true)
    .rowHeight(0.85)
    .colorScheme(colorMode(FieldColorModeId.Thresholds));
  for (const [pattern, states] of others)
    panel.overrideByRegexp(pattern, [{ id: 'mappings', value: mappingsOf(states) }]);
  for (const [index, [expr, legend]] of view.queries.entries()) panel.withTarget(target(expr, legend, index));
  return panel;
}

/** A column of a table: a label of the series, or `Value #A`, that of the query. */
export interface Column {
  readonly field: string;
  readonly title: string;
  readonly unit?: string;
  readonly levels?: Levels;
  readonly states?: States;
  /** Where a click on the cell leads. */
  readonly link?: { readonly title: string; readonly url: string };
}

/** A table with one row for each set of labels, which all queries have in common. */
export function table(
  view: Omit<View, 'unit' | 'queries'> & { readonly queries: readonly string[] },
  columns: readonly Column[],
  height: number,
): Builder<Panel> {
  const panel = dressed(new TableBuilder(), { ...view, unit: 'none', queries: [] }, 24, height)
    .transformations([
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true, Value: !columns.some(({ field }) => field === 'Value') },
          indexByName: Object.fromEntries(columns.map(({ field }, index) => [field, index])),
          renameByName: Object.fromEntries(columns.map(({ field, title }) => [field, title])),
        },
      },
    ])
    .filterable(true)
    .colorScheme(colorMode(FieldColorModeId.Thresholds));
  for (const { title, unit, levels, states, link } of columns) {
    const isColoured = levels !== undefined || states !== undefined;
    panel.overrideByName(title, [
      ...(unit ? [{ id: 'unit', value: unit }] : []),
      ...(levels ? [{ id: 'thresholds', value: thresholds(levels).build() }] : []),
      ...(states ? [{ id: 'mappings', value: mappingsOf(states) }] : []),
      ...(isColoured
        ? [{ id: 'custom.cellOptions', value: { type: TableCellDisplayMode.ColorBackground } }]
        : []),
      ...(link ? [{ id: 'links', value: [link] }] : []),
    ]);
  }
  for (const [index, expr] of view.queries.entries())
    panel.withTarget(target(expr, '', index).instant().format(PromQueryFormat.Table));
  return panel;
}
