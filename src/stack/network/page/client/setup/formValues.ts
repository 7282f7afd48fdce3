import { textOf } from '../shell/dialog.ts';
import { type Child, element } from '../shell/element.ts';
import { guarded, notice } from '../shell/notices.ts';

/** A number of a form; undefined for an empty field. */
export function numberOf(fields: FormData, name: string): number | undefined {
  const text = textOf(fields, name);
  return text === '' ? undefined : Number(text);
}

/** A percentage of a form as a share from 0 to 1. */
export function shareOf(fields: FormData, name: string): number | undefined {
  const percent = numberOf(fields, name);
  return percent === undefined ? undefined : percent / 100;
}

export const percentOf = (share: number | undefined): string =>
  share === undefined ? '' : String(share * 100);

/** Without the fields that were left empty. */
export const filledIn = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''));

/** A form that saves, and says that it did. */
export function savingForm(
  save: (fields: FormData) => Promise<unknown>,
  ...children: readonly Child[]
): HTMLFormElement {
  const form = element(
    'form',
    {
      className: 'stack card',
      onsubmit: guarded(async (event: SubmitEvent) => {
        event.preventDefault();
        await save(new FormData(form));
        (document.activeElement as HTMLElement | null)?.blur();
        notice('Saved');
      }),
    },
    ...children,
    element(
      'div',
      { className: 'actions' },
      element('button', { className: 'primary', textContent: 'Save' }),
    ),
  );
  return form;
}
