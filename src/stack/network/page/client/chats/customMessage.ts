import { openForm, textOf } from '../shell/dialog.ts';
import { element } from '../shell/element.ts';
import { labelled } from '../shell/field.ts';

const EXAMPLE = {
  type: 'location',
  location: { latitude: 48.85837, longitude: 2.29448, name: 'Eiffel Tower' },
};

/** Asks for any message as JSON. */
export function askCustomMessage(onMessage: (message: Record<string, unknown>) => unknown): void {
  const area = element('textarea', {
    name: 'message',
    rows: 12,
    className: 'code',
    spellcheck: false,
    value: JSON.stringify(EXAMPLE, undefined, 2),
  });
  openForm(
    {
      title: 'Any message',
      submit: 'Send',
      onSubmit: (fields) => onMessage(parsed(textOf(fields, 'message'))),
    },
    labelled(
      'Message as JSON',
      area,
      'As POST /numbers/{number}/messages takes it, without from; media with data (base64) and mime_type.',
    ),
  );
}

/** @throws Error for what is no JSON object */
function parsed(text: string): Record<string, unknown> {
  const message: unknown = JSON.parse(text);
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    throw new Error('A message is a JSON object, for example {"text": "Hi"}');
  return message as Record<string, unknown>;
}
