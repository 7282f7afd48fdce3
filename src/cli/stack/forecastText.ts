import { styleText } from 'node:util';
import type { FieldChange, Forecast, ForecastEntry } from '../../operator/plan/foresee/forecast.ts';

type Style = Parameters<typeof styleText>[0];

const MARKS: Readonly<Record<ForecastEntry['action'], readonly [mark: string, word: string, style: Style]>> =
  {
    Create: ['+', 'create', 'green'],
    Change: ['~', 'change', 'yellow'],
    Restart: ['-/+', 'restart', 'magenta'],
    Remove: ['-', 'remove', 'red'],
    Call: ['→', 'API', 'cyan'],
  };

/** What will happen to a stack, for a person. With `diff`, each field that changes. */
export function forecastText(
  { namespace, name, entries, waits, unseen }: Forecast,
  { colour, diff }: { readonly colour: boolean; readonly diff: boolean },
): string {
  const paint = (style: Style, text: string) => (colour ? styleText(style, text) : text);
  const lines = entries.flatMap((entry) => {
    const [mark, word, style] = MARKS[entry.action];
    const role = entry.role ? ` (${entry.role})` : '';
    const maybe = entry.isMaybe ? 'perhaps ' : '';
    return [
      `  ${paint(style, `${mark} ${maybe}${word}`)} ${entry.target}${role}: ${entry.reason}`,
      ...(diff ? (entry.fields ?? []).map((field) => `      ${fieldLine(field)}`) : []),
    ];
  });
  return [
    `${paint('bold', `${namespace}/${name}`)}: ${entries.length === 0 ? 'nothing would happen' : summary(entries)}`,
    ...lines,
    ...part(
      'waits',
      waits.map(({ target, action, reason }) => `${action} ${target}: ${reason}`),
    ),
    ...part('not foreseen', unseen),
    '',
  ].join('\n');
}

const part = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`  ${title}:`, ...lines.map((line) => `    ${line}`)];

function summary(entries: readonly ForecastEntry[]): string {
  return Object.entries(MARKS)
    .flatMap(([action, [, word]]) => {
      const count = entries.filter((entry) => entry.action === action).length;
      if (count === 0) return [];
      return [action === 'Call' ? `${count} API calls` : `${count} to ${word}`];
    })
    .join(', ');
}

function fieldLine({ path, from, to }: FieldChange): string {
  if (from === undefined && to === undefined) return path;
  if (from === undefined) return `+ ${path}: ${JSON.stringify(to)}`;
  return to === undefined
    ? `- ${path}: ${JSON.stringify(from)}`
    : `~ ${path}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`;
}
