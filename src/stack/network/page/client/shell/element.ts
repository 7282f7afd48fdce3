type Given<K extends keyof HTMLElementTagNameMap> = Partial<
  Omit<HTMLElementTagNameMap[K], 'dataset' | 'children' | 'style'>
> & { readonly dataset?: Readonly<Record<string, string>> };
/** What is false or undefined is left out. */
export type Child = Node | string | false | undefined;

/** An element with these properties. Text is set as text: nothing that is shown is ever parsed as HTML. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  { dataset = {}, ...properties }: Given<K> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  Object.assign(made, properties);
  Object.assign(made.dataset, dataset);
  made.append(...shown(children));
  return made;
}

/** The children that are shown. */
export const shown = (children: readonly Child[]): (Node | string)[] =>
  children.filter((child) => child !== undefined && child !== false);

/** The element of the page with this id. @throws Error for one that page.html lacks */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`page.html has no ${kind.name} #${id}`);
}
