import { CodedError } from '../../base/codedError.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import type { Parsed } from '../../operator/resource/whatsAppDeployment.ts';

/** The resource in a stored object. @throws CodedError `NotUnderstood` */
export function understood<R>(object: KubeObject, parse: (object: KubeObject) => Parsed<R>): R {
  const parsed = parse(object);
  if (parsed.ok) return parsed.resource;
  throw new CodedError(
    'NotUnderstood',
    `this kubectl-waba does not understand ${object.kind} ${object.metadata.name}, because its CRD is of another version; use the kubectl-waba of the installed operator: ${parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; ')}`,
  );
}
