import type { CallbackRecord } from '../../../callbackLog.ts';
import type { ChatMessage } from '../../../chats.ts';
import type { RequestRecord } from '../../../requestLog.ts';
import { summary } from '../content/summary.ts';
import type { RecordLog } from '../inspect/recordLog.ts';
import type { Model } from '../model.ts';
import { addressOf } from '../shell/router.ts';
import { describeCallback } from '../webhooks/describeCallback.ts';

export interface Sources {
  readonly model: Model;
  readonly callbacks: RecordLog<CallbackRecord>;
  readonly requests: RecordLog<RequestRecord>;
}
export interface Found {
  readonly kind: 'Person' | 'Message' | 'Webhook' | 'Request' | 'Template';
  readonly title: string;
  readonly about: string;
  readonly address: string;
}

/** Of each kind; whoever looks for more filters the list itself. */
const MOST = 6;

/** Messages by person, as they were when the search began. */
export type Messages = ReadonlyMap<string, readonly ChatMessage[]>;

/** Everything that contains the text. */
export function findAll(text: string, { model, callbacks, requests }: Sources, messages: Messages): Found[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return [];
  const has = (...words: readonly unknown[]) => words.join(' ').toLowerCase().includes(wanted);
  const people = [...new Set([...model.chats.map(({ waId }) => waId), ...model.people.keys()])];
  return [
    ...people
      .filter((waId) => has(model.nameOf(waId), `+${waId}`))
      .slice(0, MOST)
      .map((waId) => found('Person', model.nameOf(waId), `+${waId}`, 'chats', waId)),
    ...[...messages]
      .flatMap(([waId, list]) =>
        list.map((message) => ({ waId, message, words: summary(message, model.templates) })),
      )
      .filter(({ message, words }) => has(words, message.id))
      .slice(0, MOST)
      .map(({ waId, words }) => found('Message', words, model.nameOf(waId), 'chats', waId)),
    ...model.templates
      .filter(({ name, body }) => has(name, body))
      .slice(0, MOST)
      .map(({ name, body = '' }) => found('Template', name, body, 'setup', 'templates')),
    ...callbacks
      .all()
      .filter(({ body }) => has(JSON.stringify(body)))
      .slice(0, MOST)
      .map((record) => {
        const { title, waId, text: words } = describeCallback(record);
        return found(
          'Webhook',
          title,
          words ?? (waId ? model.nameOf(waId) : ''),
          'webhooks',
          String(record.id),
        );
      }),
    ...requests
      .all()
      .filter(({ method, path, body, answer }) => has(method, path, JSON.stringify([body, answer])))
      .slice(0, MOST)
      .map(({ id, method, path, status }) =>
        found('Request', `${method} ${path}`, String(status), 'requests', String(id)),
      ),
  ];
}

const found = (kind: Found['kind'], title: string, about: string, ...address: readonly string[]): Found => ({
  kind,
  title,
  about,
  address: addressOf(...address),
});
