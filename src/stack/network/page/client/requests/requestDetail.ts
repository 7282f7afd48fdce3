import type { RequestRecord } from '../../../requestLog.ts';
import { errorLink } from '../content/textNodes.ts';
import { curl } from '../inspect/curl.ts';
import { jsonNode } from '../inspect/jsonNode.ts';
import { factList, section } from '../inspect/recordTools.ts';
import { button, hint } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import { copy } from '../shell/notices.ts';
import { dateAndTime, duration } from '../shell/time.ts';
import { isFaulty } from './faultyLine.ts';
import { statusBadge } from './requestRow.ts';

type ApiError = RequestRecord['errors'][number];

/** Everything about one call of the API. Of a refusal, the lines of the body that the errors name are marked. */
export function requestDetail(record: RequestRecord): HTMLElement[] {
  const { api, method, path, at, durationMs, webapp, body, answer, errors } = record;
  const details = errors.map((error) => String(error.details ?? ''));
  return [
    element('header', {}, element('h2', { textContent: `${method} ${path}` }), statusBadge(record)),
    element(
      'div',
      { className: 'actions' },
      button('Copy as curl', () => copy(asCurl(record), 'the curl line'), 'copy'),
    ),
    factList([
      ['Answered', dateAndTime(at)],
      ['Took', duration(durationMs)],
      api === 'graph' ? ['API', 'Cloud API'] : ['Webapp', webapp],
    ]),
    ...(errors.length > 0
      ? [section('Why it was refused', ...errors.map((error) => errorCard(error, api)))]
      : []),
    section(
      'Body',
      body === undefined
        ? hint('None that is shown: the call had no JSON, or holds secrets.')
        : jsonNode(body, { label: 'Body', isMarked: (line) => isFaulty(line, details) }),
    ),
    section(
      'Answer',
      answer === undefined ? hint('None that is shown.') : jsonNode(answer, { label: 'Answer' }),
    ),
  ];
}

const errorCard = ({ code, title, details }: ApiError, api: RequestRecord['api']): HTMLElement =>
  element(
    'div',
    { className: 'error-card' },
    element('strong', { textContent: `${code} ${title}` }),
    details !== undefined && element('p', { textContent: details }),
    // The pages of errors are of the On-Premises API.
    api === 'v1' && errorLink(code, 'What this error means, and how to mend it'),
  );

/** With the variables of the documentation. */
const asCurl = ({ api, method, path, body }: RequestRecord): string =>
  curl({
    method,
    url: api === 'graph' ? `$GRAPH${path}` : `$API${path}`,
    extra: [...(api === 'graph' ? [] : ['--cacert ca.pem']), '-H "Authorization: Bearer $TOKEN"'],
    ...(body === undefined ? {} : { body }),
  });
