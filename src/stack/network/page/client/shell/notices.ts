import { iconButton } from './controls.ts';
import { byId, element } from './element.ts';

const SHOWN_MS = { done: 3_000, problem: 12_000 } as const;

/** Tells in a corner of the page what happened. */
export function notice(text: string, kind: keyof typeof SHOWN_MS = 'done'): void {
  const line = element('div', { className: `notice ${kind}` }, element('span', { textContent: text }));
  const end = () => line.remove();
  line.append(iconButton('close', 'Close', end));
  // Only one problem at a time: what is shown is what the last action led to.
  const place = byId(kind === 'problem' ? 'problems' : 'news', HTMLElement);
  place.replaceChildren(line);
  setTimeout(end, SHOWN_MS[kind]);
}

/** Whatever goes wrong in the action is shown. */
export const guarded =
  <A extends unknown[]>(action: (...given: A) => unknown) =>
  async (...given: A): Promise<void> => {
    try {
      await action(...given);
    } catch (error) {
      notice(error instanceof Error ? error.message : String(error), 'problem');
    }
  };

/** Browsers give the clipboard only to pages of this machine, and to pages with TLS. */
export const copy = guarded(async (text: string, what: string) => {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copySelected(text);
  notice(`Copied ${what}`);
});

function copySelected(text: string): void {
  const area = element('textarea', { value: text, className: 'spoken', ariaLabel: 'Text to copy' });
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  if (!isCopied) throw new Error('This browser did not copy: open the page as http://localhost');
}
