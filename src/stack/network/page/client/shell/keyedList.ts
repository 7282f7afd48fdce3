interface Shown {
  readonly version: string;
  readonly node: HTMLElement;
}
const lists = new WeakMap<Element, Map<string, Shown>>();

export interface Drawing<T> {
  /** Different for any two items. */
  readonly keyOf: (item: T) => string;
  readonly draw: (item: T) => HTMLElement;
  /** What is drawn: the same text, the same drawing. The item as JSON unless given. */
  readonly versionOf?: (item: T) => string;
}

/**
 * Shows the items in a list, and leaves alone what has not changed: focus, players and open menus stay as they are when
 * something else happens.
 */
export function keyedList<T>(
  list: Element,
  items: readonly T[],
  { keyOf, draw, versionOf = (item) => JSON.stringify(item) }: Drawing<T>,
): void {
  const before = lists.get(list) ?? new Map<string, Shown>();
  const after = new Map<string, Shown>();
  for (const item of items) {
    const [key, version] = [keyOf(item), versionOf(item)];
    const known = before.get(key);
    after.set(key, known?.version === version ? known : { version, node: draw(item) });
  }
  lists.set(list, after);
  const wanted = [...after.values()].map(({ node }) => node);
  const kept = new Set<Element>(wanted);
  for (const child of [...list.children]) if (!kept.has(child)) child.remove();
  wanted.forEach((node, index) => {
    const there = list.children[index];
    if (there !== node) list.insertBefore(node, there ?? null);
  });
}
