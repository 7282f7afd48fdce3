import type { RequestRecord } from '../../../requestLog.ts';
import type { RecordLog } from '../inspect/recordLog.ts';
import { recordsView } from '../inspect/recordsView.ts';
import { emptyState } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import type { View } from '../shell/router.ts';
import { requestDetail } from './requestDetail.ts';
import { isRefusal, requestRow } from './requestRow.ts';

const ANSWERS = [
  ['', 'Any answer'],
  ['refused', 'Refused'],
  ['accepted', 'Accepted'],
] as const;
const APIS = [
  ['', 'Both APIs'],
  ['v1', '/v1'],
  ['graph', 'Cloud API'],
] as const;
const METHODS = [
  ['', 'Any method'],
  ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((name) => [name, name] as const),
] as const;

/** The calls that came to the API: `#/requests/<call>`. */
export const requestsView = (log: RecordLog<RequestRecord>): View =>
  recordsView<RequestRecord>({
    log,
    title: 'Requests',
    textLabel: 'Filter by path, text or error',
    selects: { Method: METHODS, Answer: ANSWERS, API: APIS },
    fits: (record, method, answer, api) =>
      (!api || record.api === api) &&
      (method === '' || record.method === method) &&
      (answer === '' || isRefusal(record) === (answer === 'refused')),
    wordsOf: ({ method, path, status, body, answer }) => JSON.stringify([method, path, status, body, answer]),
    name: 'requests',
    row: { keyOf: ({ id }) => String(id), versionOf: () => '', draw: requestRow },
    empty: {
      none: () =>
        emptyState(
          'code',
          'No calls yet',
          'Let your application call the API, for example ',
          element('code', { textContent: 'POST /v1/messages' }),
          '. Every call is listed here, with what was wrong with it.',
        ),
      filtered: () => emptyState('search', 'Nothing found', 'No call matches the filters.'),
    },
    noChoice: () =>
      emptyState(
        'code',
        'What your application called',
        'Choose a call to see its body and answer. Of a refusal, you see which parameter is wrong.',
      ),
    detail: requestDetail,
  });
