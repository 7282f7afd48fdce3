export interface View {
  /** Called when the address leads here: `#/chats/16505551234` shows ['16505551234']. */
  show(path: readonly string[]): unknown;
  /** Called whenever something has changed. */
  refresh(): Promise<void>;
}

/** The part of the address behind `#/`. */
const path = (): string[] => location.hash.replace(/^#\/?/, '').split('/').map(decoded);

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const addressOf = (...parts: readonly string[]): string =>
  `#/${parts.map(encodeURIComponent).join('/')}`;

export const go = (...parts: readonly string[]): void => {
  location.hash = addressOf(...parts);
};

/** Shows the view that the address names, and the first one for any other address. @returns the one that is shown */
export function startRouter(views: Readonly<Record<string, View>>, first: string): () => View | undefined {
  let current: string | undefined;
  const follow = () => {
    const [name = '', ...rest] = path();
    current = views[name] ? name : first;
    for (const section of document.querySelectorAll<HTMLElement>('[data-view]')) {
      section.hidden = section.dataset.view !== current;
      if (!section.hidden) document.title = `${section.ariaLabel} · WhatsApp emulator`;
    }
    for (const link of document.querySelectorAll<HTMLAnchorElement>('nav a'))
      link.ariaCurrent = link.hash === addressOf(current) ? 'page' : null;
    views[current]?.show(rest);
  };
  addEventListener('hashchange', follow);
  follow();
  return () => (current === undefined ? undefined : views[current]);
}
