import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { Judged } from './childChange.ts';

/** Inputs of a node that say which database it uses, with which version and which credentials. */
const INPUTS = ['spec.stack', 'spec.version', 'spec.database', 'secrets'];

/** Whether the change of a node may need the schema that a Job still has to make: another image, or one of `INPUTS`. */
export function needsSchema({ child, live, difference }: Judged): boolean {
  if (!live || !('fields' in difference)) return difference.is === 'missing';
  return difference.fields.some((field) => INPUTS.includes(field)) || imageOf(live) !== imageOf(child.object);
}

const imageOf = ({ spec }: KubeObject): string | undefined =>
  (spec as { template?: { spec?: { containers?: readonly { image?: string }[] } } } | undefined)?.template
    ?.spec?.containers?.[0]?.image;
