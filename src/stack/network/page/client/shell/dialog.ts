import { iconButton } from './controls.ts';
import { type Child, element } from './element.ts';
import { guarded } from './notices.ts';

export interface FormDialog {
  readonly title: string;
  readonly submit: string;
  /** The dialog stays open if this throws. */
  readonly onSubmit: (fields: FormData) => unknown;
}

/** Asks for something in a dialog that goes away by itself once the answer was taken. */
export function openForm({ title, submit, onSubmit }: FormDialog, ...fields: readonly Child[]): void {
  const dialog = element('dialog', { ariaLabel: title });
  const close = () => dialog.close();
  const form = element(
    'form',
    {
      method: 'dialog',
      onsubmit: guarded(async (event: SubmitEvent) => {
        event.preventDefault();
        await onSubmit(new FormData(form));
        close();
      }),
    },
    element('header', {}, element('h2', { textContent: title }), iconButton('close', 'Close', close)),
    ...fields,
    element('footer', {}, element('button', { className: 'primary', textContent: submit })),
  );
  dialog.append(form);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

export const textOf = (fields: FormData, name: string): string => String(fields.get(name) ?? '').trim();
