/** The version that our implementation of the stack reports unless it is told another. */
export const DEFAULT_CLIENT_VERSION = 'v2.57.1';

/** `v2.57.1`, with or without the `v`. */
const VERSION = /^v?(\d+)\.(\d+)\.(\d+)$/;

/** The numbers of a client version; undefined for other text. */
function parseVersion(text: string): [number, number, number] | undefined {
  const [, major, minor, patch] = VERSION.exec(text) ?? [];
  return patch === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

/** Below zero if `a` is older. Text that is not a version is older than any version. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parseVersion(a) ?? [0, 0, 0], parseVersion(b) ?? [0, 0, 0]];
  for (const [index, part] of left.entries()) if (part !== right[index]) return part - (right[index] ?? 0);
  return 0;
}

/**
 * Whether `version` may run on databases that `upgradedBy` has upgraded. Patches of one minor version share a schema; an
 * older minor version does not know a newer schema. Source, for "no downgrade" only: docs/onprem/deployment.md §5.1.
 */
export function mayRunOn(version: string, upgradedBy: string): boolean {
  const minorOf = (text: string) => text.replace(/\.\d+$/, '.0');
  return compareVersions(minorOf(version), minorOf(upgradedBy)) >= 0;
}
