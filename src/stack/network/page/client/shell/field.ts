import { type Child, element } from './element.ts';

type InputOptions = Partial<Omit<HTMLInputElement, 'dataset' | 'children' | 'style'>> & {
  readonly hint?: string;
};

/** An input with its label above it, and below it what it is about. */
export function field(label: string, { hint, ...input }: InputOptions): HTMLElement {
  return labelled(label, element('input', { autocomplete: 'off', ...input }), hint);
}

let count = 0;

/** A control with its label and its hint. */
export function labelled(label: string, control: HTMLElement, hint?: string): HTMLElement {
  count += 1;
  control.id = `field-${count}`;
  if (hint !== undefined) control.setAttribute('aria-describedby', `hint-${count}`);
  return element(
    'div',
    { className: 'field' },
    element('label', { htmlFor: control.id, textContent: label }),
    control,
    hint !== undefined && element('small', { id: `hint-${count}`, textContent: hint }),
  );
}

export function choice(
  label: string,
  name: string,
  options: readonly (readonly [value: string, text: string])[],
  chosen = '',
): HTMLElement {
  const select = element(
    'select',
    { name },
    ...options.map(([value, text]) =>
      element('option', { value, textContent: text, selected: value === chosen }),
    ),
  );
  return labelled(label, select);
}

/** A switch: its label stands beside it. */
export const toggle = (
  label: string,
  input: Partial<Omit<HTMLInputElement, 'dataset' | 'children' | 'style'>>,
): HTMLLabelElement =>
  element('label', { className: 'toggle' }, element('input', { type: 'checkbox', ...input }), label);

/** Fields beside each other where there is room. */
export const fieldRow = (...fields: readonly Child[]): HTMLElement =>
  element('div', { className: 'field-row' }, ...fields);
