import type { Template } from '../model.ts';
import { type Child, element } from '../shell/element.ts';
import { type Answer, choiceButton, choices } from './interactiveContent.ts';
import { filledTemplate, type SentTemplate } from './templateText.ts';
import { textNodes } from './textNodes.ts';

/** A template as the person reads it, with its quick replies. */
export function templateNodes(sent: SentTemplate, templates: readonly Template[], answer: Answer): Child[] {
  const { name, header, body, footer, buttons, isKnown } = filledTemplate(sent, templates);
  return [
    element('span', {
      className: 'caption',
      textContent: `Template ${name}`,
      title: isKnown
        ? 'The text of this template is set in Setup'
        : 'Only the variables are known. Add the template with its text in Setup to see all of it.',
    }),
    header && element('strong', { className: 'heading', textContent: header }),
    body && textNodes(body),
    footer && element('small', { className: 'footer', textContent: footer }),
    choices(
      ...buttons.map(({ text, payload, isReply }) =>
        isReply
          ? choiceButton(text, () => answer({ type: 'button', button: { payload, text } }))
          : element('span', { className: 'list-label', textContent: text }),
      ),
    ),
  ];
}
