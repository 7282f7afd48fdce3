import type { CallbackRecord } from '../../../callbackLog.ts';
import { curl } from '../inspect/curl.ts';
import { diffNode, jsonNode } from '../inspect/jsonNode.ts';
import { factList, section } from '../inspect/recordTools.ts';
import type { Model } from '../model.ts';
import { call } from '../shell/call.ts';
import { button, hint } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import { copy, guarded, notice } from '../shell/notices.ts';
import { addressOf, go } from '../shell/router.ts';
import { dateAndTime } from '../shell/time.ts';
import { attemptList } from './attemptList.ts';
import { stateBadge } from './callbackRow.ts';
import { describeCallback } from './describeCallback.ts';

/** Everything about one callback. `previous`: the last one of its kind before it. */
export function callbackDetail(
  record: CallbackRecord,
  previous: CallbackRecord | undefined,
  model: Model,
): HTMLElement[] {
  const { title, waId, messageId } = describeCallback(record);
  const body = element('div');
  const show = (node: HTMLElement) => body.replaceChildren(node);
  const asBody = () => show(jsonNode(record.body, { label: 'Body' }));
  asBody();
  return [
    element('header', {}, element('h2', { textContent: title }), stateBadge(record)),
    element(
      'div',
      { className: 'actions' },
      button(
        'Redeliver',
        guarded(() => redeliver(record)),
        'repeat',
      ),
      button('Copy as curl', () => copy(asCurl(record), 'the curl line'), 'copy'),
      button('Copy body', () => copy(JSON.stringify(record.body), 'the body'), 'copy'),
    ),
    factList([
      ['Made', dateAndTime(record.at)],
      ['Number', `+${record.number}`],
      ...(waId ? [['Person', chatLink(waId, model)] as const] : []),
      ...(messageId ? [['Message', element('code', { textContent: messageId })] as const] : []),
      ...(record.redeliveryOf === undefined ? [] : [['Repeats', callbackLink(record.redeliveryOf)] as const]),
    ]),
    section('Attempts', attemptList(record)),
    section('Body', bodyTabs(record, previous, { asBody, show }), body),
  ];
}

function bodyTabs(
  record: CallbackRecord,
  previous: CallbackRecord | undefined,
  { asBody, show }: { asBody: () => void; show: (node: HTMLElement) => void },
): HTMLElement {
  const tabs = element('div', { className: 'tabs', role: 'group', ariaLabel: 'How to show the body' });
  const tab = (label: string, onclick: () => void): HTMLButtonElement => {
    const made = button(label, () => {
      for (const other of tabs.children) other.ariaPressed = String(other === made);
      onclick();
    });
    made.ariaPressed = 'false';
    tabs.append(made);
    return made;
  };
  tab('All', asBody).ariaPressed = 'true';
  tab('Difference to the previous', () =>
    show(
      previous
        ? diffNode(previous.body, record.body, `Difference to callback ${previous.id}`)
        : hint(`No ${record.kind} callback came before this one.`),
    ),
  );
  return tabs;
}

async function redeliver({ id }: CallbackRecord): Promise<void> {
  const made = await call('POST /callbacks/{id}/redeliver', { params: { id }, body: {} });
  notice('Posted again, as a new callback');
  go('webhooks', String(made.id));
}

/** The receiver's URL as of the last attempt. */
const asCurl = ({ attempts, body }: CallbackRecord): string =>
  curl({ method: 'POST', url: attempts.at(-1)?.url ?? '$WEBHOOK', body });

const chatLink = (waId: string, model: Model): HTMLElement =>
  element('a', { href: addressOf('chats', waId), textContent: model.nameOf(waId) });

const callbackLink = (id: number): HTMLElement =>
  element('a', { href: addressOf('webhooks', String(id)), textContent: `callback ${id}` });
