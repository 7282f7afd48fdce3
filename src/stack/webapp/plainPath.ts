/** Clients write `/v1/messages/`, `//v1/messages` and `/v1//media`. Source: docs/onprem/api-admin.md §1.1. */
export function plainPath(path: string): string {
  const single = path.replace(/\/{2,}/g, '/');
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single;
}
