import type { RequestRecord } from '../../../requestLog.ts';
import { badge, recordRow } from '../inspect/recordTools.ts';
import { element } from '../shell/element.ts';
import { addressOf } from '../shell/router.ts';
import { duration } from '../shell/time.ts';

export const isRefusal = ({ status }: Pick<RequestRecord, 'status'>): boolean =>
  status === 0 || status >= 400;

export const statusBadge = (record: RequestRecord): HTMLElement =>
  badge(record.status === 0 ? 'cut' : String(record.status), isRefusal(record) ? 'bad' : 'good');

export function requestRow(record: RequestRecord): HTMLElement {
  const { id, at, method, path, durationMs, errors, body } = record;
  const [error] = errors;
  const { to, type } = (typeof body === 'object' && body !== null ? body : {}) as {
    to?: unknown;
    type?: unknown;
  };
  const about = error
    ? `${error.code} ${error.details ?? error.title}`
    : typeof to === 'string'
      ? `${typeof type === 'string' ? type : 'text'} to ${to}`
      : '';
  return recordRow({
    href: addressOf('requests', String(id)),
    at,
    badge: statusBadge(record),
    title: [element('small', { textContent: method }), ` ${path}`],
    about: { text: about, isBad: error !== undefined },
    took: duration(durationMs),
  });
}
