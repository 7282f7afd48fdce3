/** The parameters that the details of an error name: `template.name: …`, `Parameter 'body' is mandatory …`. */
export function namedParameters(details: string): string[] {
  const quoted = [...details.matchAll(/'([\w.[\]]+)'/g)].map(([, name = '']) => name);
  const [, path] = /^([a-z_]+(?:[.[][\w\].[]+)?)(?::| |$)/.exec(details) ?? [];
  return [...new Set([...(path === undefined ? [] : [path]), ...quoted])];
}

/** Whether a line of a body in JSON shows a parameter that the details name. */
export function isFaulty(line: string, details: readonly string[]): boolean {
  const [, key] = /^\s*"([^"]+)":/.exec(line) ?? [];
  const names = details.flatMap(namedParameters).map((name) =>
    name
      .split('.')
      .at(-1)
      ?.replace(/\[\d+\]$/, ''),
  );
  return key !== undefined && names.includes(key);
}
