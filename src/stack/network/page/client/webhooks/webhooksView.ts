import type { CallbackRecord } from '../../../callbackLog.ts';
import type { RecordLog } from '../inspect/recordLog.ts';
import { recordsView } from '../inspect/recordsView.ts';
import type { Model } from '../model.ts';
import { emptyState } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import type { View } from '../shell/router.ts';
import { callbackDetail } from './callbackDetail.ts';
import { callbackRow } from './callbackRow.ts';
import { describeCallback } from './describeCallback.ts';

const KINDS = [
  ['', 'Everything'],
  ['messages', 'Messages'],
  ['statuses', 'Statuses'],
  ['errors', 'Errors'],
  ['media_items', 'Media'],
  ['services', 'Services'],
] as const;
const APIS = [
  ['', 'Both APIs'],
  ['v1', '/v1'],
  ['graph', 'Cloud API'],
] as const;
const STATES = [
  ['', 'Any state'],
  ['delivered', 'Delivered'],
  ['waiting', 'Waiting'],
  ['dropped', 'Dropped'],
  ['refused', 'Refused at least once'],
] as const;

/** The webhook inspector: `#/webhooks/<callback>`, and `#/webhooks//<text>` with a filter. */
export function webhooksView(model: Model, log: RecordLog<CallbackRecord>): View {
  const previousOf = ({ id, kind, number, api }: CallbackRecord) =>
    log
      .all()
      .find((other) => other.id < id && other.kind === kind && other.number === number && other.api === api);
  return recordsView<CallbackRecord>({
    log,
    title: 'Webhooks',
    textLabel: 'Filter by text, person or id',
    selects: { Kind: KINDS, State: STATES, API: APIS },
    fits: (record, kind, state, api) =>
      (kind === '' || record.kind === kind) && (!api || record.api === api) && isIn(record, state ?? ''),
    wordsOf: (record) => {
      const { title, waId } = describeCallback(record);
      return `${title} ${waId ? model.nameOf(waId) : ''} ${JSON.stringify(record.body)}`;
    },
    name: 'webhooks',
    row: {
      keyOf: ({ id }) => String(id),
      versionOf: (record) =>
        `${record.state} ${record.attempts.length} ${model.nameOf(describeCallback(record).waId ?? '')}`,
      draw: (record) => callbackRow(record, model),
    },
    empty: {
      none: () =>
        emptyState(
          'webhook',
          'No callbacks yet',
          'Write as somebody in Chats: your webhook is told at once, and you see here what it answered. Its URL is the setting ',
          element('code', { textContent: 'webhooks.url' }),
          ', or the flag ',
          element('code', { textContent: '--webhook' }),
          '.',
        ),
      filtered: () => emptyState('search', 'Nothing found', 'No callback matches the filters.'),
    },
    noChoice: () =>
      emptyState(
        'webhook',
        'What your webhook was told',
        'Choose a callback to see its attempts, answers and body, to post it again, or to compare it with the one before.',
      ),
    detail: (record) => callbackDetail(record, previousOf(record), model),
  });
}

const isIn = ({ state, attempts }: CallbackRecord, wanted: string): boolean =>
  wanted === 'refused'
    ? attempts.some(({ problem }) => problem !== undefined)
    : wanted === '' || state === wanted;
