import type { RehearsalEvent, Side } from '../../../rehearsalRecord.ts';
import { jsonNode, markedNode } from '../inspect/jsonNode.ts';
import { factList, section } from '../inspect/recordTools.ts';
import { button, hint } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import { copy } from '../shell/notices.ts';
import { addressOf } from '../shell/router.ts';
import { dateAndTime } from '../shell/time.ts';
import { markedLines, marksOf } from './markedLines.ts';
import { KINDS, verdictBadge } from './rehearsalRow.ts';

type Difference = RehearsalEvent['differences'][number];

/** An event in both shapes, side by side, with what differs marked in each. */
export function rehearsalDetail(event: RehearsalEvent): HTMLElement[] {
  const { name, at, kind, record, differences, problems, remedies, graph } = event;
  const own = differences.filter(({ isEnvelope }) => !isEnvelope);
  const around = differences.filter(({ isEnvelope }) => isEnvelope);
  const list = kind === 'callback' ? 'webhooks' : 'requests';
  return [
    element('header', {}, element('h2', { textContent: name }), verdictBadge(event)),
    element(
      'div',
      { className: 'actions' },
      button('Copy as JSON', () => copy(JSON.stringify(event, undefined, 2), 'the event'), 'copy'),
    ),
    factList([
      ['When', dateAndTime(at)],
      ['What', KINDS[kind]],
      [
        'Recorded',
        element('a', { href: addressOf(list, String(record)), textContent: `${list}, ${record}` }),
      ],
    ]),
    ...(problems.length > 0 ? [section('What is refused', ...problems.map(problemCard))] : []),
    ...(remedies.length > 0 ? [section('What to do', pointList(remedies.map((text) => [text])))] : []),
    section(
      'What differs',
      own.length > 0
        ? pointList(own.map(differenceNodes))
        : hint(graph.length === 0 ? 'There is nothing to compare with.' : 'Nothing in the content.'),
    ),
    ...(around.length > 0
      ? [
          element(
            'details',
            { className: 'around' },
            element('summary', { textContent: `${around.length} more that differ in every call or webhook` }),
            pointList(around.map(differenceNodes)),
          ),
        ]
      : []),
    shapes(event),
  ];
}

const pointList = (rows: readonly (readonly (string | HTMLElement)[])[]): HTMLElement =>
  element('ul', { className: 'points' }, ...rows.map((row) => element('li', {}, ...row)));

const problemCard = (textContent: string): HTMLElement =>
  element('div', { className: 'error-card' }, element('strong', { textContent }));

function differenceNodes({ part, change, from, to }: Difference): (string | HTMLElement)[] {
  const code = (path: string) => element('code', { textContent: path });
  const isSamePlace = change === 'changed' && from !== undefined && to?.endsWith(from) === true;
  const paths = isSamePlace
    ? [code(from)]
    : [from, to].flatMap((path) => (path === undefined ? [] : [code(path)]));
  return [
    element('span', { className: `change ${change}`, textContent: change }),
    part === 'answer' ? ' in the answer ' : ' ',
    ...paths.flatMap((path, index) => (index === 0 ? [path] : [' → ', path])),
  ];
}

/** Both shapes: beside each other, or below each other where the window is narrow. */
function shapes(event: RehearsalEvent): HTMLElement {
  const { kind, v1, expected, graph, differences } = event;
  const last = graph.length - 1;
  const left = kind === 'graph-call' ? expected : v1;
  const leftTitle = kind === 'graph-call' ? 'Your call of /v1 becomes' : '/v1';
  const rightTitle = kind === 'graph-call' ? 'Your new client sent' : 'Cloud API';
  const nothing =
    kind === 'graph-call'
      ? 'No call of /v1 to the same person was seen before.'
      : 'The Cloud API has nothing like it.';
  return element(
    'div',
    { className: 'shapes' },
    section(
      leftTitle,
      ...(left ? sideNodes(left, leftTitle, (part) => marksOf(differences, part, 'from')) : [hint(nothing)]),
    ),
    section(
      rightTitle,
      ...(graph.length === 0
        ? [hint(nothing)]
        : graph.flatMap((side, index) =>
            sideNodes(side, rightTitle, (part) =>
              // Calls before the last prepare it.
              index === last ? marksOf(differences, part, 'to') : new Map(),
            ),
          )),
    ),
  );
}

function sideNodes(
  { line, status, body, answer }: Side,
  title: string,
  marks: (part: Difference['part']) => ReturnType<typeof marksOf>,
): HTMLElement[] {
  const json = (value: unknown, part: Difference['part'], label: string) =>
    typeof value === 'string'
      ? jsonNode(value, { label })
      : markedNode(markedLines(value, marks(part)), label);
  return [
    element('p', { className: 'line' }, element('code', { textContent: line })),
    ...(body === undefined ? [] : [json(body, 'body', `${title}: body`)]),
    ...(answer === undefined
      ? []
      : [
          element('p', { textContent: status === undefined ? 'Answer' : `Answer ${status}` }),
          json(answer, 'answer', `${title}: answer`),
        ]),
  ];
}
