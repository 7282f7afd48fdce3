import type { View } from '../shell/router.ts';
import { MasterDetail, type MasterDetailOptions } from './masterDetail.ts';
import type { RecordLog } from './recordLog.ts';
import { filterInput, filterSelect } from './recordTools.ts';

interface RecordsViewOptions<T extends { readonly id: number }> extends MasterDetailOptions<T> {
  readonly log: RecordLog<T>;
  readonly title: string;
  /** Says what the text filter looks for. */
  readonly textLabel: string;
  /** Values to choose from, by label; `''` is any. */
  readonly selects: Readonly<Record<string, readonly (readonly [value: string, text: string])[]>>;
  /** Whether a record fits the chosen values, in the order of `selects`. */
  readonly fits: (record: T, ...chosen: string[]) => boolean;
  /** What the text filter looks at. */
  readonly wordsOf: (record: T) => string;
}

/** Records with filters above them, and what is known of one: `#/<name>/<id>`, and `#/<name>//<text>` with a filter. */
export function recordsView<T extends { readonly id: number }>(options: RecordsViewOptions<T>): View {
  const { log, title, textLabel, fits, wordsOf } = options;
  const refresh = () => draw();
  const text = filterInput(textLabel, refresh);
  const selects = Object.entries(options.selects).map(([label, values]) =>
    filterSelect(label, values, refresh),
  );
  let chosen = 0;
  const panes = new MasterDetail<T>(options, title, text, ...selects);
  const draw = () => {
    const values = selects.map(({ value }) => value);
    const wanted = text.value.trim().toLowerCase();
    const found = log
      .all()
      .filter(
        (record) =>
          fits(record, ...values) && (text.value === '' || wordsOf(record).toLowerCase().includes(wanted)),
      );
    panes.show(
      found,
      [text.value, ...values].some((value) => value !== ''),
      log.find(chosen),
    );
  };
  return {
    refresh: async () => draw(),
    show: ([id = '', filter]: readonly string[]) => {
      chosen = Number(id);
      if (filter !== undefined) text.value = filter;
      draw();
    },
  };
}
