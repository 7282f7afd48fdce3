import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { differences, hashOf } from '../../../engine/kube/ownFields.ts';
import { annotations } from '../facts/names.ts';
import type { Child } from '../render/child.ts';
import { changedInputs } from '../render/fingerprint.ts';

/**
 * How a live child that restarts pods differs from the planned one. `current`: only in fields that restart nothing, such
 * as replicas. `inputs`: a user changed these inputs. `rendering`: a new version of the operator renders the same inputs
 * to another pod template.
 */
export type Difference =
  | { readonly is: 'missing' | 'current' }
  | { readonly is: 'inputs' | 'rendering'; readonly fields: readonly string[] };

export const noteOf = ({ metadata }: KubeObject, key: string): string | undefined =>
  metadata.annotations?.[key];

export function differenceOf(child: Child, live: KubeObject | undefined): Difference {
  const { object, inputNames } = child;
  if (!live) return { is: 'missing' };
  if (noteOf(live, annotations.template) === noteOf(object, annotations.template)) return { is: 'current' };
  // The operator applied exactly this before, so somebody else edited the annotation.
  const applied = withChanged(child, noteOf(live, annotations.changed));
  if (noteOf(live, annotations.applied) === hashOf(applied.object)) return { is: 'current' };
  const inputs = changedInputs(
    noteOf(live, annotations.inputs),
    noteOf(object, annotations.inputs),
    inputNames,
  );
  if (inputs && inputs.length > 0) return { is: 'inputs', fields: inputs };
  // Another client removed the annotations, and the template is still the planned one.
  const fields = differences(templateOf(object), templateOf(live), 'template');
  if (noteOf(live, annotations.template) === undefined && fields.length === 0) return { is: 'current' };
  return { is: 'rendering', fields };
}

/**
 * The child as it is there: what the live one would lose or gain by a newer rendering alone is no change, so it is neither
 * restarted nor held, and repaired as what it is. Any other change brings the newer rendering along.
 */
export const asFound = (child: Child, live: KubeObject | undefined): Child =>
  child.earlier &&
  differenceOf(child, live).is !== 'current' &&
  differenceOf(child.earlier, live).is === 'current'
    ? child.earlier
    : child;

/** Records in the child what changed, so that a later pass can say why it restarts a pod. */
export const withChanged = (child: Child, changed: string | undefined): Child =>
  changed === undefined
    ? child
    : {
        ...child,
        object: {
          ...child.object,
          metadata: {
            ...child.object.metadata,
            annotations: { ...child.object.metadata.annotations, [annotations.changed]: changed },
          },
        },
      };

const templateOf = ({ spec }: KubeObject): unknown => (spec as { template?: unknown } | undefined)?.template;

/** How many fields a sentence names before it counts the rest. */
const NAMED_FIELDS = 4;

/** Names of fields for a sentence. */
export function listed(fields: readonly string[]): string {
  if (fields.length === 0) return 'the pod template';
  const rest = fields.length - NAMED_FIELDS;
  return `${fields.slice(0, NAMED_FIELDS).join(', ')}${rest > 0 ? ` and ${rest} more fields` : ''}`;
}
