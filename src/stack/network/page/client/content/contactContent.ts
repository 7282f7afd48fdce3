import { avatar } from '../shell/avatar.ts';
import { element } from '../shell/element.ts';

export interface ContactCard {
  readonly name?: { readonly formatted_name?: string };
  readonly org?: { readonly company?: string; readonly title?: string };
  readonly phones?: readonly { readonly phone?: string; readonly wa_id?: string; readonly type?: string }[];
  readonly emails?: readonly { readonly email?: string }[];
  readonly urls?: readonly { readonly url?: string }[];
}

export function contactNode({ name, org, phones = [], emails = [], urls = [] }: ContactCard): HTMLElement {
  const title = name?.formatted_name ?? 'Contact';
  const lines = [
    org && [org.title, org.company].filter(Boolean).join(', '),
    ...phones.map(({ phone, wa_id }) => phone ?? (wa_id && `+${wa_id}`)),
    ...emails.map(({ email }) => email),
    ...urls.map(({ url }) => url),
  ];
  return element(
    'div',
    { className: 'contact' },
    avatar(phones[0]?.wa_id ?? title, title),
    element(
      'div',
      {},
      element('strong', { textContent: title }),
      ...lines.map((line) => line && element('small', { textContent: line })),
    ),
  );
}
