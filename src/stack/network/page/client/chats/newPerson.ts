import { call } from '../shell/call.ts';
import { openForm, textOf } from '../shell/dialog.ts';
import { field } from '../shell/field.ts';
import { go } from '../shell/router.ts';

const digitsOf = (text: string): string => text.replace(/\D/g, '');

const phoneField = (label: string, name: string) =>
  field(label, {
    name,
    required: true,
    inputMode: 'tel',
    pattern: '[0-9 +\\(\\)\\-]{6,24}',
    placeholder: '+1 650 555 1234',
    hint: 'With the country code',
  });

/** Adds somebody, and opens the chat with them. */
export const askNewPerson = (): void =>
  openForm(
    {
      title: 'New person',
      submit: 'Add',
      onSubmit: async (fields) => {
        const waId = digitsOf(textOf(fields, 'waId'));
        const name = textOf(fields, 'name');
        await call('PUT /people/{waId}', { params: { waId }, body: name ? { name } : {} });
        go('chats', waId);
      },
    },
    phoneField('Phone number', 'waId'),
    field('Name', { name: 'name', maxLength: 256, placeholder: 'Ana' }),
  );

/** Gives somebody another number, and goes on in the chat under it. */
export const askNewNumber = (waId: string, name: string): void =>
  openForm(
    {
      title: `${name} changes number`,
      submit: 'Change number',
      onSubmit: async (fields) => {
        const newWaId = digitsOf(textOf(fields, 'newWaId'));
        await call('POST /people/{waId}/number', { params: { waId }, body: { newWaId } });
        go('chats', newWaId);
      },
    },
    phoneField('New phone number', 'newWaId'),
  );
