import type { ChatMessage } from '../../../chats.ts';
import type { Template } from '../model.ts';
import { type Child, element, shown } from '../shell/element.ts';
import { type ContactCard, contactNode } from './contactContent.ts';
import { type Answer, type Interactive, interactiveNodes } from './interactiveContent.ts';
import { mediaNode } from './mediaContent.ts';
import { type Order, orderNode } from './orderContent.ts';
import { ownContent } from './ownContent.ts';
import { type Place, placeNode } from './placeContent.ts';
import { templateNodes } from './templateContent.ts';
import type { SentTemplate } from './templateText.ts';
import { textNodes } from './textNodes.ts';

export interface ContentOptions {
  readonly templates: readonly Template[];
  /** Answers the message. */
  readonly answer: Answer;
}

type Draw = (message: ChatMessage, options: ContentOptions) => readonly Child[];

const media: Draw = (message) => {
  const { caption } = ownContent<{ caption: string }>(message);
  return [!!caption && textNodes(caption)];
};

/** Whatever is not here is shown as JSON. */
const DRAWINGS: Readonly<Record<string, Draw>> = {
  text: (message) => [textNodes(String(ownContent<{ body: string }>(message).body ?? ''))],
  image: media,
  video: media,
  audio: media,
  voice: media,
  document: media,
  sticker: media,
  location: (message) => [placeNode(ownContent<Place>(message))],
  contacts: (message) => {
    const own: unknown = ownContent(message);
    return (Array.isArray(own) ? (own as ContactCard[]) : []).map(contactNode);
  },
  order: (message) => [orderNode(ownContent<Order>(message))],
  button: (message) => [textNodes(String(ownContent<{ text: string }>(message).text ?? ''))],
  interactive: (message, { answer }) =>
    message.direction === 'in' ? chosen(message) : interactiveNodes(ownContent<Interactive>(message), answer),
  template: (message, { templates, answer }) =>
    templateNodes(ownContent<SentTemplate>(message) as SentTemplate, templates, answer),
  hsm: (message, { templates, answer }) =>
    templateNodes(ownContent<SentTemplate>(message) as SentTemplate, templates, answer),
};

function chosen(message: ChatMessage): Child[] {
  const { button_reply, list_reply, nfm_reply } = ownContent<{
    button_reply: { title: string };
    list_reply: { title: string; description?: string };
    nfm_reply: { name: string; body: string; response_json: string };
  }>(message);
  if (nfm_reply) return [textNodes(nfm_reply.body), json(nfm_reply.response_json)];
  const { title = '', description } = { description: undefined, ...(button_reply ?? list_reply) };
  return [textNodes(title), !!description && element('small', { textContent: description })];
}

/** What a message shows. People and businesses send any content: one that can't be drawn is shown as JSON. */
export function messageContent(message: ChatMessage, options: ContentOptions): (Node | string)[] {
  try {
    const { filename } = ownContent<{ filename: string }>(message);
    // A text may have a preview of the page that it links to.
    const files = message.type === 'text' ? [] : message.media;
    const drawn = shown([
      ...files.map((file) => mediaNode(message.type, file, filename)),
      ...(DRAWINGS[message.type]?.(message, options) ?? []),
    ]);
    return drawn.length > 0 ? drawn : [asJson(message)];
  } catch {
    return [asJson(message)];
  }
}

const asJson = (message: ChatMessage): HTMLElement =>
  element(
    'div',
    {},
    element('span', { className: 'caption', textContent: `Message of type ${message.type}` }),
    json(JSON.stringify(ownContent(message), undefined, 2)),
  );

const json = (text: string): HTMLElement => element('pre', { textContent: text });
