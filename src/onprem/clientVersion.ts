/** `v2.57.1`, or the minor version `v2.57`, with or without the `v`. */
const VERSION = /^v?(\d+)\.(\d+)(?:\.(\d+))?$/;

/** The client version that the emulator stands for unless it is told another one. */
export const CLIENT_VERSION = 'v2.57.1';

/** The numbers of a client version; zeros for other text. */
function parseVersion(text: string): [number, number, number] {
  const [, major = 0, minor = 0, patch = 0] = VERSION.exec(text) ?? [];
  return [Number(major), Number(minor), Number(patch)];
}

/** Below zero if `a` is older. Text that is not a version is older than any version. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  for (const [index, part] of left.entries()) if (part !== right[index]) return part - (right[index] ?? 0);
  return 0;
}

/**
 * The schema of a client version, named by the minor version: `v2.57.4` → `v2.57`.
 *
 * The sources say that upgrades change the schema and that no downgrade is supported, but not which versions share a
 * schema (docs/onprem/deployment.md §5.1). We assume the most that is safe: each minor version has a schema of its own,
 * and patches of one minor version share it. If two minor versions do share one, this rule refuses a downgrade that
 * would have worked; it never allows one that destroys data.
 */
export function schemaOf(version: string): string {
  const [major, minor] = parseVersion(version);
  return `v${major}.${minor}`;
}

/** Whether `version` may run on databases that `upgradedBy` has upgraded: a client knows its schema and older ones. */
export const mayRunOn = (version: string, upgradedBy: string): boolean =>
  compareVersions(schemaOf(version), schemaOf(upgradedBy)) >= 0;
