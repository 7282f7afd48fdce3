import type { CallbackRecord } from '../../../callbackLog.ts';
import { badge, recordRow } from '../inspect/recordTools.ts';
import type { Model } from '../model.ts';
import { addressOf } from '../shell/router.ts';
import { duration } from '../shell/time.ts';
import { describeCallback } from './describeCallback.ts';

/** How it stands: delivered, waiting, tried again and again, or given up. */
export function stateBadge({ state, attempts }: CallbackRecord): HTMLElement {
  const last = attempts.at(-1);
  if (state === 'delivered') return badge(String(last?.status ?? 'delivered'), 'good');
  if (state === 'dropped') return badge('dropped', 'bad');
  return last
    ? badge(last.status === undefined ? 'no answer' : String(last.status), 'bad')
    : badge('waiting', 'warn');
}

export function callbackRow(record: CallbackRecord, model: Model): HTMLElement {
  const { id, at, attempts, redeliveryOf } = record;
  const { title, waId, text } = describeCallback(record);
  const last = attempts.at(-1);
  const facts = [
    attempts.length > 1 ? `${attempts.length} attempts` : '',
    last ? duration(last.durationMs) : '',
    redeliveryOf === undefined ? '' : `repeats ${redeliveryOf}`,
  ].filter(Boolean);
  return recordRow({
    href: addressOf('webhooks', String(id)),
    at,
    badge: stateBadge(record),
    title: [title],
    about: { text: [waId && model.nameOf(waId), text].filter(Boolean).join(': ') },
    took: facts.join(' · '),
  });
}
