/** What a Webapp answers alone. Source: docs/onprem/api-admin.md §1.5; media is inferred, as its files are shared. */
const ALONE = [
  /^\/v1\/users(\/|$)/,
  /^\/v1\/certificates\/external(\/|$)/,
  /^\/v1\/media(\/[^/]+)?$/,
] as const;

/** Whether a Coreapp takes part in the answers of an endpoint: this changes a header and the form of the version. */
export const isRelayed = (path: string): boolean =>
  path.startsWith('/v1/') && !ALONE.some((alone) => alone.test(path));
