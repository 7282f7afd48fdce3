import type { Behaviour } from '../../../behaviour.ts';
import type { Model, Person } from '../model.ts';
import { avatar } from '../shell/avatar.ts';
import { call } from '../shell/call.ts';
import { button, hint } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import { field, toggle } from '../shell/field.ts';
import { guarded, notice } from '../shell/notices.ts';
import { askNewNumber } from './newPerson.ts';
import { presetChoice } from './presetChoice.ts';
import { askRemovePerson } from './removePerson.ts';

type Named<T> = { readonly [K in keyof Behaviour as Behaviour[K] extends T ? K : never]: string };

const SWITCHES: Named<boolean> = {
  hasWhatsApp: 'Uses WhatsApp',
  blocks: 'Has blocked the business',
  optedOut: 'Wants no news',
  oldApp: 'Has an old app',
};
const NUMBERS: {
  readonly [K in Exclude<keyof Behaviour, keyof typeof SWITCHES>]: readonly [string, string];
} = {
  deliverAfterMs: ['Gets messages after (ms)', 'How long the phone is switched off'],
  readAfterMs: ['Reads them after (ms)', 'Empty: never'],
  deleteAfterMs: ['Deletes them after (ms)', 'Empty: never'],
  failsWith: ['Messages fail with code', 'Empty: they do not fail. For example 470, 1013 or 1026'],
};

/** Who somebody is, and how they take messages. */
export class PersonPanel {
  readonly #model: Model;
  readonly #panel: HTMLElement;
  #shown = '';

  constructor(model: Model, panel: HTMLElement) {
    this.#model = model;
    this.#panel = panel;
  }

  show(waId: string): void {
    const person = this.#model.people.get(waId);
    const shown = JSON.stringify([waId, person]);
    const isTyping = this.#panel.querySelector(':is(input, select):focus') !== null;
    const hasInput = isTyping && this.#shown.startsWith(`["${waId}"`);
    // What somebody is typing stays.
    if (shown === this.#shown || hasInput) return;
    this.#shown = shown;
    const name = this.#model.nameOf(waId);
    this.#panel.replaceChildren(
      ...(person
        ? [identity(person, name), presetChoice(person), this.#form(person), actions(person, name)]
        : [
            hint(
              'This person gets messages at once and reads them soon. Save a name to change how they behave.',
            ),
            this.#form({ waId }),
            element('div', { className: 'actions' }, removal(waId, name)),
          ]),
    );
  }

  #form({
    waId,
    profileName = '',
    dialled = [],
    hidesNumber = false,
    behaviour,
  }: Pick<Person, 'waId'> & Partial<Person>): HTMLElement {
    const form = element(
      'form',
      {
        className: 'stack',
        onsubmit: guarded(async (event: SubmitEvent) => {
          event.preventDefault();
          await call('PUT /people/{waId}', { params: { waId }, body: answers(form) });
          // Otherwise the form would count as being typed in.
          (document.activeElement as HTMLElement | null)?.blur();
          notice('Saved');
        }),
      },
      field('Name', { name: 'name', value: profileName, maxLength: 256 }),
      ...(behaviour ? behaviourFields(behaviour) : []),
      toggle('Hides the number from the Cloud API', { name: 'hidesNumber', checked: hidesNumber }),
      field('Also reached by', {
        name: 'dialled',
        value: dialled.join(', '),
        hint: 'Numbers whose WhatsApp id is this one, with commas between them',
      }),
      element('button', { className: 'primary', textContent: 'Save' }),
    );
    return form;
  }
}

const behaviourFields = (behaviour: Behaviour): HTMLElement[] => [
  element(
    'fieldset',
    {},
    element('legend', { textContent: 'How they take messages' }),
    ...Object.entries(SWITCHES).map(([name, label]) =>
      toggle(label, { name, checked: behaviour[name as keyof typeof SWITCHES] }),
    ),
  ),
  ...Object.entries(NUMBERS).map(([name, [label, about]]) =>
    field(label, {
      type: 'number',
      min: '0',
      name,
      value: String(behaviour[name as keyof typeof NUMBERS] ?? ''),
      hint: about,
      required: name === 'deliverAfterMs',
    }),
  ),
];

/** What the form says, as `PUT /people/{waId}` takes it. */
function answers(form: HTMLFormElement): Record<string, unknown> {
  const inputs = [...form.elements].filter((control) => control instanceof HTMLInputElement);
  return Object.fromEntries(inputs.map((input) => [input.name, answer(input)]));
}

function answer({ name, type, checked, value }: HTMLInputElement): unknown {
  if (type === 'checkbox') return checked;
  if (type === 'number') return value === '' ? null : Number(value);
  return name === 'dialled'
    ? value
        .split(',')
        .map((number) => number.trim())
        .filter(Boolean)
    : value.trim();
}

const identity = ({ waId }: Person, name: string): HTMLElement =>
  element(
    'header',
    { className: 'identity' },
    avatar(waId, name.startsWith('+') ? undefined : name),
    element('h3', { textContent: name }),
    name !== `+${waId}` && element('p', { textContent: `+${waId}` }),
  );

const actions = ({ waId }: Person, name: string): HTMLElement =>
  element(
    'div',
    { className: 'actions' },
    button(
      'Gets a new phone',
      guarded(async () => {
        await call('POST /people/{waId}/identity', { params: { waId }, body: {} });
        notice(`${name} has a new phone, and with it another identity`);
      }),
      'repeat',
    ),
    button('Changes number…', () => askNewNumber(waId, name), 'person'),
    removal(waId, name),
  );

const removal = (waId: string, name: string): HTMLElement =>
  button('Delete person…', () => askRemovePerson(waId, name), 'trash');
