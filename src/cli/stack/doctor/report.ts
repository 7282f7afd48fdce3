import { styleText } from 'node:util';
import { table } from '../../table.ts';
import { type About, type Check, type Facts, VERDICTS, type Verdict } from './check.ts';

/** The answer of one check. */
export interface CheckResult {
  readonly id: string;
  readonly group: string;
  readonly verdict: Verdict;
  readonly evidence: readonly string[];
  readonly remedy?: string | undefined;
}

/** The answers about the cluster, an operator, a namespace or a stack. */
export interface Section {
  readonly of: 'cluster' | 'operator' | 'namespace' | 'stack';
  /** Of all but the cluster, and of an operator that is known. */
  readonly namespace?: string;
  /** Of the stack, or of the Deployment of the operator. */
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

interface Look {
  readonly colour: boolean;
  /** Begins with a table of what was examined, and shows only what is not well. */
  readonly brief?: boolean;
}
type Paint = (style: Style, text: string) => string;

/** The report for people: checks by group, each with its evidence, and what to do below it. */
export function reportText({ sections, counts }: Report, { colour, brief = false }: Look): string {
  const paint: Paint = (style, text) => (colour ? styleText(style, text) : text);
  const shown = brief ? sections.map(withoutWell).filter(({ checks }) => checks.length > 0) : sections;
  const width = Math.max(...shown.flatMap(({ checks }) => checks.map(({ id }) => id.length)), 0);
  const details = shown.flatMap((section) => [
    paint('bold', titleOf(section)),
    ...groupLines(section, width, paint),
    '',
  ]);
  const total = VERDICTS.map((verdict) => `${counts[verdict]} ${WORDS[verdict]}`).join(', ');
  const summary = brief ? [summaryTable(sections)] : [];
  const notRun = brief ? notRunLines(sections, paint) : [];
  return `${[...summary, ...details, ...notRun, paint('bold', total)].join('\n')}\n`;
}

const countOf = ({ checks }: Section, verdict: Verdict): number =>
  checks.filter((each) => each.verdict === verdict).length;

const SUMMARY = ['EXAMINED', 'VERDICT', 'FAILED', 'WARNINGS', 'NOT RUN', 'NOT WELL'] as const;

function summaryTable(sections: readonly Section[]): string {
  const rows = sections.map((section) => {
    const [failed, warnings] = [countOf(section, 'failed'), countOf(section, 'warning')];
    const notWell = (['failed', 'warning'] as const).flatMap((verdict) =>
      section.checks.filter((each) => each.verdict === verdict).map(({ id }) => id),
    );
    const verdict = failed > 0 ? 'failed' : warnings > 0 ? 'warning' : 'ok';
    const counts = [failed, warnings, countOf(section, 'unknown')].map(String);
    return [titleOf(section), verdict, ...counts, notWell.join(',') || '-'];
  });
  return table(SUMMARY, rows);
}

/** Which checks of each section could not run, by the reason. */
function notRunLines(sections: readonly Section[], paint: Paint): string[] {
  const lines = sections.flatMap((section) => {
    const unknown = section.checks.filter(({ verdict }) => verdict === 'unknown');
    const reasons = [...new Set(unknown.map(({ evidence }) => evidence.join('; ')))];
    return reasons.map((reason) => {
      const ids = unknown.filter(({ evidence }) => evidence.join('; ') === reason).map(({ id }) => id);
      const [mark, style] = MARKS.unknown;
      return `  ${paint(style, mark)} ${titleOf(section)}: ${ids.join(', ')}: ${paint('dim', reason)}`;
    });
  });
  return lines.length === 0 ? [] : [paint('bold', 'Could not run'), ...lines, ''];
}

/** `Stack shops/shop` */
const titleOf = ({ of, namespace, name }: Section): string => {
  const place = [namespace, name].filter((part) => part !== undefined).join('/');
  return `${of[0]?.toUpperCase()}${of.slice(1)}${place === '' ? '' : ` ${place}`}`;
};

function groupLines({ of, checks }: Section, width: number, paint: Paint): string[] {
  const groups = [...new Set(checks.map(({ group }) => group))];
  return groups.flatMap((group) => [
    // Only the checks of a stack have several groups.
    ...(of === 'stack' ? [`  ${paint('dim', group)}`] : []),
    ...checks.filter((each) => each.group === group).flatMap((each) => resultLines(each, width, paint)),
  ]);
}

const withoutWell = (section: Section): Section => ({
  ...section,
  checks: section.checks.filter(({ verdict }) => verdict === 'failed' || verdict === 'warning'),
});

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
