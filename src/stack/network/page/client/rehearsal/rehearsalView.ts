import type { RehearsalEvent } from '../../../rehearsalRecord.ts';
import type { RecordLog } from '../inspect/recordLog.ts';
import { recordsView } from '../inspect/recordsView.ts';
import { emptyState } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import type { View } from '../shell/router.ts';
import { rehearsalDetail } from './rehearsalDetail.ts';
import { KINDS, rehearsalRow, type VERDICTS } from './rehearsalRow.ts';

const VERDICT_CHOICES = [
  ['', 'Any verdict'],
  ['no-counterpart', 'Has no counterpart'],
  ['differs', 'Differs'],
  ['ready', 'Ready'],
] as const satisfies readonly (readonly [keyof typeof VERDICTS | '', string])[];
const KIND_CHOICES = [['', 'Everything'] as const, ...Object.entries(KINDS)] as const;

/** What a move to the Cloud API changes, event by event: `#/rehearsal/<event>`. */
export function rehearsalView(log: RecordLog<RehearsalEvent>): View {
  const view = recordsView<RehearsalEvent>({
    log,
    title: 'Rehearsal',
    textLabel: 'Filter by name, path or text',
    selects: { Verdict: VERDICT_CHOICES, 'What happened': KIND_CHOICES },
    fits: (event, verdict, kind) =>
      (verdict === '' || event.verdict === verdict) && (kind === '' || event.kind === kind),
    wordsOf: (event) => JSON.stringify(event),
    name: 'rehearsal',
    row: { keyOf: ({ id }) => String(id), versionOf: () => '', draw: rehearsalRow },
    empty: {
      none: () =>
        emptyState(
          'code',
          'Nothing to compare yet',
          'Let your application call ',
          element('code', { textContent: '/v1' }),
          ', or write as somebody in Chats. With ',
          element('code', { textContent: '--graph off' }),
          ' there is no Cloud API to compare with.',
        ),
      filtered: () => emptyState('search', 'Nothing found', 'No event matches the filters.'),
    },
    noChoice: () =>
      emptyState(
        'code',
        'What a move to the Cloud API changes',
        'Choose a call or a webhook to see it in both shapes, with what differs. waba-emulator rehearse report sums it up.',
      ),
    detail: rehearsalDetail,
  });
  let isLoaded = false;
  return {
    ...view,
    show: (path) => {
      // Nothing is compared before somebody wants to see it.
      if (!isLoaded) void log.load();
      isLoaded = true;
      return view.show(path);
    },
  };
}
