import type { RehearsalEvent } from '../../../rehearsalRecord.ts';
import { badge, recordRow } from '../inspect/recordTools.ts';
import { addressOf } from '../shell/router.ts';

type Verdict = RehearsalEvent['verdict'];

export const VERDICTS: Readonly<Record<Verdict, readonly [text: string, kind: 'good' | 'warn' | 'bad']>> = {
  ready: ['ready', 'good'],
  differs: ['differs', 'warn'],
  'no-counterpart': ['none', 'bad'],
};
export const KINDS: Readonly<Record<RehearsalEvent['kind'], string>> = {
  call: '/v1 call',
  callback: '/v1 webhook',
  'graph-call': 'Cloud API call',
};

export const verdictBadge = ({ verdict }: RehearsalEvent): HTMLElement => badge(...VERDICTS[verdict]);

export function rehearsalRow(event: RehearsalEvent): HTMLElement {
  const { id, at, name, kind, verdict, differences, problems, remedies } = event;
  const own = differences.filter(({ isEnvelope }) => !isEnvelope).length;
  const [problem] = problems;
  const about =
    problem ??
    (own > 0
      ? `${own} ${own === 1 ? 'difference' : 'differences'}`
      : verdict === 'ready'
        ? ''
        : remedies[0]) ??
    '';
  return recordRow({
    href: addressOf('rehearsal', String(id)),
    at,
    badge: verdictBadge(event),
    title: [name],
    about: { text: about, isBad: problem !== undefined },
    took: KINDS[kind],
  });
}
