const PATHS = {
  attach: 'M12 5v14M5 12h14',
  back: 'M15 18l-6-6 6-6',
  camera: 'M4 8h3l2-3h6l2 3h3v11H4zM12 16.5a3.5 3.5 0 100-7 3.5 3.5 0 000 7z',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  chevron: 'M6 9l6 6 6-6',
  close: 'M6 6l12 12M18 6L6 18',
  code: 'M8 8l-4 4 4 4M16 8l4 4-4 4',
  contact: 'M12 12a4 4 0 100-8 4 4 0 000 8zM4 20c1-4 4.5-5.5 8-5.5s7 1.5 8 5.5',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  cart: 'M4 5h2l2 10h10l2-7H7M9.5 20a1 1 0 100-2 1 1 0 000 2zM16.5 20a1 1 0 100-2 1 1 0 000 2z',
  details: 'M4 5h16v14H4zM14 5v14',
  diff: 'M8 4v8M4 8h8M4 19h8M16 5l4 4M20 5l-4 4',
  document: 'M7 3h7l4 4v14H7zM14 3v4h4',
  face: 'M12 21a9 9 0 100-18 9 9 0 000 18zM9 10v.01M15 10v.01M8.5 14.5c2 2.5 5 2.5 7 0',
  image: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9v.01',
  link: 'M10 14l4-4M9 11l-2 2a3.5 3.5 0 005 5l2-2M15 13l2-2a3.5 3.5 0 00-5-5l-2 2',
  more: 'M12 6v.01M12 12v.01M12 18v.01',
  music: 'M9 18V6l10-2v12M9 18a2.5 2.5 0 11-5 0 2.5 2.5 0 015 0zM19 16a2.5 2.5 0 11-5 0 2.5 2.5 0 015 0z',
  person: 'M12 12a4 4 0 100-8 4 4 0 000 8zM4 20c1-4 4.5-5.5 8-5.5s7 1.5 8 5.5M19 8v6M16 11h6',
  pin: 'M12 21s7-6.2 7-11a7 7 0 10-14 0c0 4.8 7 11 7 11zM12 12.5a2.5 2.5 0 100-5 2.5 2.5 0 000 5z',
  repeat: 'M4 12a8 8 0 0114-5l2 2M20 4v5h-5M20 12a8 8 0 01-14 5l-2-2M4 20v-5h5',
  reply: 'M10 7L4 12l6 5v-3.5c5 0 8 1.5 10 4.5-.5-5-3.5-8.5-10-9z',
  search: 'M11 18a7 7 0 100-14 7 7 0 000 14zM20 20l-4-4',
  send: 'M4 12l16-8-5 16-3-7z',
  sticker: 'M14 20H7a3 3 0 01-3-3V7a3 3 0 013-3h10a3 3 0 013 3v7zM14 20v-3a3 3 0 013-3h3',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  video: 'M4 6h11v12H4zM15 10l5-3v10l-5-3z',
  voice: 'M12 15a3 3 0 003-3V6a3 3 0 00-6 0v6a3 3 0 003 3zM6 11.5a6 6 0 0012 0M12 17.5V21',
  webhook: 'M12 7a3 3 0 10-3 3l-3 6M6 19a3 3 0 100-.01M9 19h8M18 16l-4-7',
} as const;
export type IconName = keyof typeof PATHS;

const SVG = 'http://www.w3.org/2000/svg';

/** A drawing that says nothing by itself: whatever it stands beside or in has the words. */
export function icon(name: IconName): SVGElement {
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', '0 0 24 24');
  drawing.setAttribute('class', 'icon');
  drawing.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  drawing.append(path);
  return drawing;
}
