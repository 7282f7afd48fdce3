import { type Child, element } from '../shell/element.ts';
import { productList } from './orderContent.ts';
import { textNodes } from './textNodes.ts';

interface Row {
  readonly id: string;
  readonly title: string;
  readonly description?: string;
}
interface Section {
  readonly title?: string;
  readonly rows?: readonly Row[];
  readonly product_items?: readonly { readonly product_retailer_id: string }[];
}
/** An interactive message of a business. */
export interface Interactive {
  readonly type: string;
  readonly header: { readonly text?: string };
  readonly body: { readonly text?: string };
  readonly footer: { readonly text?: string };
  readonly action: {
    readonly button?: string;
    readonly buttons?: readonly { readonly reply: Row }[];
    readonly sections?: readonly Section[];
    readonly product_retailer_id?: string;
    readonly parameters?: { readonly flow_cta?: string };
  };
}
/** Sends an answer to the message. */
export type Answer = (message: Readonly<Record<string, unknown>>) => unknown;

/** An interactive message with what the person may choose. */
export function interactiveNodes(
  { type = '', header, body, footer, action = {} }: Partial<Interactive>,
  answer: Answer,
): Child[] {
  const reply = (kind: string, chosen: object) => () =>
    answer({ type: 'interactive', interactive: { type: kind, [kind]: chosen } });
  return [
    header?.text && element('strong', { className: 'heading', textContent: header.text }),
    body?.text && textNodes(body.text),
    ...products(action),
    footer?.text && element('small', { className: 'footer', textContent: footer.text }),
    choices(
      ...(action.buttons ?? []).map(({ reply: own }) => choiceButton(own.title, reply('button_reply', own))),
      ...list(action, (row) => reply('list_reply', row)),
      ...other(type, action, answer, reply),
    ),
  ];
}

export const choices = (...entries: readonly Child[]): HTMLElement | undefined =>
  entries.some(Boolean) ? element('div', { className: 'choices' }, ...entries) : undefined;

export const choiceButton = (title: string, onclick: () => unknown, description?: string): HTMLElement =>
  element(
    'button',
    { type: 'button', onclick },
    title,
    description !== undefined && element('small', { textContent: description }),
  );

/** All rows at once: on a phone they are one touch further away. */
function list(
  { button, sections = [] }: Interactive['action'],
  onChoose: (row: Row) => () => unknown,
): Child[] {
  if (!sections.some(({ rows }) => rows?.length)) return [];
  return [
    element('span', { className: 'list-label', textContent: button ?? 'List' }),
    ...sections.flatMap(({ title, rows = [] }) => [
      title && element('span', { className: 'section-title', textContent: title }),
      ...rows.map((row) => choiceButton(row.title, onChoose(row), row.description)),
    ]),
  ];
}

function products({ product_retailer_id: single, sections = [] }: Interactive['action']): Child[] {
  const ids = [
    ...(single === undefined ? [] : [single]),
    ...sections.flatMap(({ product_items = [] }) => product_items.map((item) => item.product_retailer_id)),
  ];
  return ids.length === 0 ? [] : [productList(ids)];
}

/** Messages that a phone answers with more than a choice: one click sends a plausible answer. */
function other(
  type: string,
  { parameters }: Interactive['action'],
  answer: Answer,
  reply: (kind: string, chosen: object) => () => unknown,
): Child[] {
  const form = (name: string) =>
    reply('nfm_reply', { name, body: 'Sent', response_json: JSON.stringify({ name: 'Ana', zip: '10115' }) });
  if (type === 'flow') return [choiceButton(parameters?.flow_cta ?? 'Open', form('flow'))];
  if (type === 'address_message') return [choiceButton('Send address', form('address_message'))];
  if (type === 'location_request_message')
    return [
      choiceButton('Send location', () =>
        answer({ type: 'location', location: { latitude: 52.52, longitude: 13.405, name: 'Berlin' } }),
      ),
    ];
  return [];
}
