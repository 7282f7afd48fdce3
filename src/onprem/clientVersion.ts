/** `v2.57.1`, with or without the `v`. */
const VERSION = /^v?(\d+)\.(\d+)\.(\d+)$/;

/** Numbers of a client version; nothing for text that is none. */
function parseVersion(text: string): [number, number, number] | undefined {
  const [, major, minor, patch] = VERSION.exec(text) ?? [];
  return patch === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

/** Below zero where `a` is older. What is no version is older than any. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parseVersion(a) ?? [0, 0, 0], parseVersion(b) ?? [0, 0, 0]];
  for (const [index, part] of left.entries()) if (part !== right[index]) return part - (right[index] ?? 0);
  return 0;
}

/**
 * Whether `version` may run on databases that `upgradedBy` has upgraded. Patches of one minor share a schema; an older
 * minor would not understand what it finds. Source, for "no downgrade" only: docs/onprem/deployment.md §5.1.
 */
export function mayRunOn(version: string, upgradedBy: string): boolean {
  const minorOf = (text: string) => text.replace(/\.\d+$/, '.0');
  return compareVersions(minorOf(version), minorOf(upgradedBy)) >= 0;
}
