import { describe, expect, it } from 'vitest';
import type { RehearsalReport } from '../control/index.ts';
import { isAllReady, rehearsalMarkdown, rehearsalText } from './rehearsalText.ts';

type Finding = RehearsalReport['findings'][number];

const finding = (name: string, verdict: Finding['verdict'], more: Partial<Finding> = {}): Finding => {
  const about = { kind: 'call' as const, name, verdict, differences: [], problems: [], remedies: [] };
  const first = { ...about, id: 1, at: 0, record: 1, v1: { line: name, body: { a: '```' } }, graph: [] };
  return { ...about, count: 2, first, ...more };
};
const moved = { part: 'body', change: 'moved', from: 'a', to: 'b.a', isEnvelope: false } as const;
const reportOf = (...findings: Finding[]): RehearsalReport => ({
  counts: { ready: 0, differs: 2, 'no-counterpart': 2 },
  skipped: 0,
  findings,
  envelope: [{ of: 'call', part: 'body', change: 'added', to: 'messaging_product', isEnvelope: true }],
});
const SEEN = reportOf(
  finding('POST /v1/contacts', 'no-counterpart', { remedies: ['Send without a check.'] }),
  finding('POST /v1/messages text', 'differs', { differences: [moved], problems: ['131009: a|b'] }),
);

describe('the report of a rehearsal', () => {
  it('says in lines what was seen, how often, what differs and what to do', () => {
    expect(rehearsalText(SEEN).split('\n')).toEqual([
      'has no counterpart 2, differs 2, ready 0',
      '',
      'Has no counterpart: the Cloud API has nothing like it',
      '  POST /v1/contacts  (call of /v1, 2 times; first: event 1 at 1970-01-01T00:00:00.000Z)',
      '    → Send without a check.',
      '',
      'Differs: the content is another one, or the call is refused',
      '  POST /v1/messages text  (call of /v1, 2 times; first: event 1 at 1970-01-01T00:00:00.000Z)',
      '      refused: 131009: a|b',
      '      moved a → b.a',
      '',
      'In every call and webhook:',
      '  call of /v1, body: added messaging_product',
      '',
    ]);
  });

  it('is Markdown in which no content ends a cell or a block', () => {
    const text = rehearsalMarkdown(SEEN);
    expect(text).toContain(
      '| `POST /v1/messages text` | call of /v1 | 2 | `refused: 131009: a\\|b`<br>`moved a → b.a` |',
    );
    expect(text.match(/```/g)).toHaveLength(8);
  });

  it('is all ready only if something was seen', () => {
    expect(isAllReady(reportOf())).toBe(false);
    expect(isAllReady(reportOf(finding('a', 'ready')))).toBe(true);
    expect(isAllReady(SEEN)).toBe(false);
    expect(rehearsalText(reportOf())).toMatch(/^Nothing was seen yet/);
  });
});
