/** Names in front of no parenthesis that are no metrics. */
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']);

/** The metrics that a query reads. */
export function metricsIn(query: string): string[] {
  const bare = query
    .replace(/#.*$/gm, '')
    .replace(/"(?:[^"\\]|\\.)*"/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\[[^\]]*\]/g, '')
    // Variables of a dashboard.
    .replace(/\$\w+/g, '')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');
  const names = [...bare.matchAll(/(?<![a-zA-Z0-9_:.])[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])/g)].map(
    ([name]) => name,
  );
  return [...new Set(names.filter((name) => !WORDS.has(name)))];
}

interface Panel {
  readonly id?: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: {
    readonly defaults: {
      readonly noValue?: string;
      readonly mappings?: unknown;
      readonly thresholds?: unknown;
    };
  };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}

/** A dashboard as Grafana reads it, as far as tests look at it. */
export interface DashboardFile {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query?: unknown }[];
  };
}

/** What people have typed into the text boxes of a dashboard that they just opened. */
export const typedInto = ({ templating }: DashboardFile): Record<string, string> =>
  Object.fromEntries(
    templating.list.filter(({ type }) => type === 'textbox').map(({ name, query }) => [name, String(query)]),
  );

/** A query with the variables of a dashboard filled in. @throws for one that has no value */
export const filled = (expr: string, variables: Readonly<Record<string, string>>): string =>
  expr.replace(/\$(\w+)/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`no value for $${name} in ${expr}`);
    return value;
  });
