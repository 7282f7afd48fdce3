import type { RehearsalReport } from '../control/index.ts';

type Finding = RehearsalReport['findings'][number];
type Difference = Finding['differences'][number];
type Verdict = Finding['verdict'];

/** The worst first. */
const HEADINGS: readonly (readonly [Verdict, string, string])[] = [
  ['no-counterpart', 'Has no counterpart', 'the Cloud API has nothing like it'],
  ['differs', 'Differs', 'the content is another one, or the call is refused'],
  ['ready', 'Ready', 'the same content; only what stands around it is another one'],
];
const KINDS = {
  call: 'call of /v1',
  callback: 'callback of /v1',
  'graph-call': 'call of the Cloud API',
} as const;

const isNothingSeen = ({ findings }: RehearsalReport): boolean => findings.length === 0;
/** Whether something was seen, and all of it is ready. */
export const isAllReady = ({ findings }: RehearsalReport): boolean =>
  findings.length > 0 && findings.every(({ verdict }) => verdict === 'ready');
const NOTHING =
  'Nothing was seen yet: let your application call /v1, or write as a person on the page. Then ask again.';

/** `moved preview_url → text.preview_url`. */
function differenceText({ change, from, to, fromValue, toValue }: Difference): string {
  const values = change === 'changed' ? ` (${valueText(fromValue)} → ${valueText(toValue)})` : '';
  const paths = change === 'changed' && to?.endsWith(from ?? '') ? (from ?? '') : undefined;
  return `${change} ${paths ?? [from, to].filter((path) => path !== undefined).join(' → ')}${values}`;
}

const LONGEST_VALUE = 40;
function valueText(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

const times = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** What else a reader has to know of a finding, line by line. */
const detailsOf = ({ differences, problems }: Finding): string[] => [
  ...problems.map((problem) => `refused: ${problem}`),
  ...differences.map((each) =>
    each.part === 'answer' ? `answer: ${differenceText(each)}` : differenceText(each),
  ),
];

const exampleOf = ({ first }: Finding): string =>
  `first: event ${first.id} at ${new Date(first.at).toISOString()}`;

/** For a terminal. */
export function rehearsalText(report: RehearsalReport): string {
  if (isNothingSeen(report)) return `${NOTHING}\n`;
  const { counts, findings, envelope, skipped } = report;
  const sections = HEADINGS.flatMap(([verdict, heading, means]) => {
    const own = findings.filter((each) => each.verdict === verdict);
    if (own.length === 0) return [];
    return [`\n${heading}: ${means}`, ...own.flatMap(findingLines)];
  });
  const around = [
    ...new Set(envelope.map((each) => `${KINDS[each.of]}, ${each.part}: ${differenceText(each)}`)),
  ];
  return `${[
    HEADINGS.map(([verdict, heading]) => `${heading.toLowerCase()} ${counts[verdict]}`).join(', '),
    ...(skipped > 0 ? [`${times(skipped, 'event')} left out under a load`] : []),
    ...sections,
    ...(around.length > 0 ? ['\nIn every call and webhook:', ...around.map((line) => `  ${line}`)] : []),
  ].join('\n')}\n`;
}

const findingLines = (finding: Finding): string[] => [
  `  ${finding.name}  (${KINDS[finding.kind]}, ${times(finding.count, 'time')}; ${exampleOf(finding)})`,
  ...detailsOf(finding).map((line) => `      ${line}`),
  ...finding.remedies.map((remedy) => `    → ${remedy}`),
];

/** For an issue or a wiki. */
export function rehearsalMarkdown(report: RehearsalReport): string {
  if (isNothingSeen(report)) return `# Rehearsal\n\n${NOTHING}\n`;
  const { counts, findings, envelope, skipped } = report;
  const sections = HEADINGS.flatMap(([verdict, heading, means]) => {
    const own = findings.filter((each) => each.verdict === verdict);
    if (own.length === 0) return [];
    const rows = own.map(
      (each) =>
        `| \`${cell(each.name)}\` | ${KINDS[each.kind]} | ${each.count} | ${detailsOf(each)
          .map((line) => `\`${cell(line)}\``)
          .join('<br>')} | ${each.remedies.map(cell).join('<br>')} |`,
    );
    const head = ['| Event | | Times | What differs | What to do |', '|---|---|---|---|---|'];
    return [`## ${heading}`, `${means[0]?.toUpperCase()}${means.slice(1)}.`, [...head, ...rows].join('\n')];
  });
  const examples = findings.flatMap(({ name, verdict, first }) => [
    `### ${name} (${verdict})`,
    block(first.v1 ?? 'none of /v1'),
    'becomes',
    block(first.graph.length === 0 ? 'nothing' : first.graph),
  ]);
  return `${[
    '# Rehearsal',
    HEADINGS.map(([verdict, heading]) => `${heading}: ${counts[verdict]}.`).join(' '),
    ...(skipped > 0 ? [`${times(skipped, 'event')} left out under a load.`] : []),
    ...sections,
    ...(envelope.length > 0
      ? [
          '## In every call and webhook',
          envelope.map((each) => `- ${KINDS[each.of]}, ${each.part}: \`${differenceText(each)}\``).join('\n'),
        ]
      : []),
    '## First examples',
    ...examples,
  ].join('\n\n')}\n`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('`', "'").replaceAll('\n', ' ');
const block = (value: unknown): string =>
  `\`\`\`json\n${JSON.stringify(value, null, 2).replaceAll('```', "'''")}\n\`\`\``;
