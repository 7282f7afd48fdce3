import type { NodeSupport } from '../../../onprem/support.ts';
import { met, unknown, unmet, type Verdict } from './conditions.ts';

/** Whether every node reports the declared client version, in `GET /v1/support`. */
export function judgeVersion(
  declared: string | undefined,
  support: Readonly<Record<string, NodeSupport>>,
  isRolling: boolean,
): Verdict<'VersionCurrent'> {
  if (declared === undefined) return met('VersionCurrent', 'NotDeclared', 'spec.version is not set');
  const versions = Object.entries(support).flatMap(([node, { version }]) =>
    version ? [{ node, version }] : [],
  );
  if (versions.length === 0) return unknown('VersionCurrent', 'Unknown', 'no node reports its version');
  const plain = (text: string) => text.replace(/^v/, '');
  const others = versions.filter(({ version }) => plain(version) !== plain(declared));
  const [other] = others;
  if (!other) return met('VersionCurrent', 'Current', `every node runs ${declared}`);
  const what = `${others.length} of ${versions.length} nodes run another version than ${declared}, such as ${other.node} with ${other.version}`;
  return isRolling
    ? unmet('VersionCurrent', 'Upgrading', what)
    : unmet('VersionCurrent', 'OtherVersion', `${what}; correct spec.version or spec.images`);
}
