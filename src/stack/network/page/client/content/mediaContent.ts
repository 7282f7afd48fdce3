import type { ChatMessage } from '../../../chats.ts';
import { CONTROL_BASE } from '../shell/call.ts';
import { element } from '../shell/element.ts';
import { icon } from '../shell/icon.ts';

type Media = ChatMessage['media'][number];

const KINDS = ['image', 'video', 'audio', 'voice', 'sticker', 'document'];

/** How media is shown: as its message says or, in headers of other messages, as its type says. */
function kindOf(type: string, { type: mime }: Media): string {
  const general = mime.split('/')[0] ?? '';
  if (KINDS.includes(type)) return type;
  return KINDS.includes(general) ? general : 'document';
}

/** Media of a message: a picture, a player, or a file to download. */
export function mediaNode(type: string, media: Media, filename?: string): HTMLElement {
  const src = `${CONTROL_BASE}/media/${media.sha256}?type=${encodeURIComponent(media.type)}`;
  const kind = kindOf(type, media);
  const onerror = () => shownNode.replaceWith(gone(kind));
  const shownNode = drawing(kind, src, media, filename);
  shownNode.onerror = onerror;
  return shownNode;
}

function drawing(kind: string, src: string, { type }: Media, filename: string | undefined): HTMLElement {
  switch (kind) {
    case 'image':
    case 'sticker':
      return element('img', { src, alt: `${kind} of type ${type}`, className: kind });
    case 'video':
      return element('video', {
        src,
        controls: true,
        preload: 'metadata',
        ariaLabel: `video of type ${type}`,
      });
    case 'audio':
    case 'voice':
      return element('audio', {
        src,
        controls: true,
        preload: 'metadata',
        ariaLabel: `${kind} of type ${type}`,
      });
    default:
      return file(src, filename ?? 'Document', type);
  }
}

const file = (href: string, name: string, type: string): HTMLElement =>
  element(
    'a',
    { href, download: name, className: 'file' },
    icon('document'),
    element('span', {}, element('strong', { textContent: name }), element('small', { textContent: type })),
  );

const gone = (kind: string): HTMLElement =>
  element('p', { className: 'missing', textContent: `This ${kind} can not be shown` });
