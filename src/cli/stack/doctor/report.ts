import { styleText } from 'node:util';
import { type About, type Check, type Facts, VERDICTS, type Verdict } from './check.ts';

/** The answer of one check. */
interface CheckResult {
  readonly id: string;
  readonly group: string;
  readonly verdict: Verdict;
  readonly evidence: readonly string[];
  readonly remedy?: string | undefined;
}

/** The answers about the installation, or about one stack. */
export interface Section {
  readonly of: 'installation' | 'stack';
  readonly namespace: string;
  /** Of the stack. */
  readonly name?: string;
  readonly checks: readonly CheckResult[];
}

export interface Report {
  /** The worst of all, where checks that could not run count as ok. */
  readonly verdict: Verdict;
  readonly counts: Readonly<Record<Verdict, number>>;
  readonly sections: readonly Section[];
}

/** Answers the questions that arise. */
export const judged = <V>(checks: readonly Check<V>[], facts: Facts<V>, about: About): CheckResult[] =>
  checks.flatMap(({ id, group, run }) => {
    const finding = run(facts, about);
    return finding ? [{ id, group, ...finding }] : [];
  });

export function reportOf(sections: readonly Section[]): Report {
  const verdicts = sections.flatMap(({ checks }) => checks.map(({ verdict }) => verdict));
  const count = (verdict: Verdict) => verdicts.filter((each) => each === verdict).length;
  const counts = {
    ok: count('ok'),
    warning: count('warning'),
    failed: count('failed'),
    unknown: count('unknown'),
  };
  const verdict = counts.failed > 0 ? 'failed' : counts.warning > 0 ? 'warning' : 'ok';
  return { verdict, counts, sections };
}

type Style = Parameters<typeof styleText>[0];

const MARKS: Readonly<Record<Verdict, readonly [string, Style]>> = {
  ok: ['✔', 'green'],
  warning: ['!', 'yellow'],
  failed: ['✘', 'red'],
  unknown: ['?', 'dim'],
};
const WORDS: Readonly<Record<Verdict, string>> = {
  ok: 'ok',
  warning: 'warnings',
  failed: 'failed',
  unknown: 'could not run',
};

/** The report for people: checks by group, each with its evidence, and what to do below it. */
export function reportText({ sections, counts }: Report, { colour }: { readonly colour: boolean }): string {
  const paint = (style: Style, text: string) => (colour ? styleText(style, text) : text);
  const width = Math.max(...sections.flatMap(({ checks }) => checks.map(({ id }) => id.length)), 0);
  const lines = sections.flatMap(({ of, namespace, name, checks }) => {
    const title = of === 'stack' ? `Stack ${namespace}/${name}` : `Installation, and namespace ${namespace}`;
    const groups = [...new Set(checks.map(({ group }) => group))];
    return [
      paint('bold', title),
      ...groups.flatMap((group) => [
        `  ${paint('dim', group)}`,
        ...checks.filter((each) => each.group === group).flatMap((each) => resultLines(each, width, paint)),
      ]),
      '',
    ];
  });
  const total = VERDICTS.map((verdict) => `${counts[verdict]} ${WORDS[verdict]}`).join(', ');
  return `${[...lines, paint('bold', total)].join('\n')}\n`;
}

function resultLines(
  { id, verdict, evidence, remedy }: CheckResult,
  width: number,
  paint: (style: Style, text: string) => string,
): string[] {
  const [mark, style] = MARKS[verdict];
  const indent = ' '.repeat(width + 8);
  const said = verdict === 'unknown' ? evidence.map((text) => `could not run: ${text}`) : evidence;
  const [first = '', ...rest] = said;
  const text = (line: string) => (verdict === 'ok' || verdict === 'unknown' ? paint('dim', line) : line);
  return [
    `    ${paint(style, mark)} ${id.padEnd(width)}  ${text(first)}`,
    ...rest.map((line) => `${indent}${text(line)}`),
    ...(remedy && verdict !== 'ok' ? [`${indent}${paint(style, `→ ${remedy}`)}`] : []),
  ];
}
