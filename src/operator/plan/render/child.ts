import type { KubeObject, OwnerReference } from '../../../engine/kube/kubeObject.ts';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import { API_VERSION, KIND, type WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { annotations, type Component, stackLabels } from '../facts/names.ts';

/** An object that the operator makes for a stack. */
export interface Child {
  readonly object: KubeObject;
  /** Kept under `deletionPolicy: Retain`: it carries no owner reference. */
  readonly retained: boolean;
  /** Changing it restarts pods. */
  readonly restarts: boolean;
}

export const childKey = ({ kind, metadata }: { kind: string; metadata: { name: string } }): string =>
  `${kind}/${metadata.name}`;

export const ownerReference = ({ metadata }: WhatsAppDeployment, controller = true): OwnerReference => ({
  apiVersion: API_VERSION,
  kind: KIND,
  name: metadata.name,
  uid: metadata.uid,
  ...(controller ? { controller: true, blockOwnerDeletion: true } : {}),
});

export interface ChildOptions {
  readonly retained?: boolean;
  readonly restarts?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** What decides its content beside the operator's own rendering: stored as a hash. */
  readonly inputs?: unknown;
}

export function child(
  resource: WhatsAppDeployment,
  component: Component,
  identity: { apiVersion: string; kind: string; name: string },
  content: Record<string, unknown>,
  options: ChildOptions = {},
): Child {
  const { retained = false, restarts = false, inputs } = options;
  const { template } = (content.spec ?? {}) as { template?: unknown };
  const notes = {
    ...options.annotations,
    ...(inputs === undefined ? {} : { [annotations.inputs]: hashOf(inputs) }),
    ...(restarts ? { [annotations.template]: hashOf(template) } : {}),
  };
  return {
    retained,
    restarts,
    object: {
      apiVersion: identity.apiVersion,
      kind: identity.kind,
      metadata: {
        name: identity.name,
        namespace: resource.metadata.namespace,
        labels: { ...stackLabels(resource.metadata.name, component), ...options.labels },
        ...(Object.keys(notes).length > 0 ? { annotations: notes } : {}),
        ...(retained ? {} : { ownerReferences: [ownerReference(resource)] }),
      },
      ...content,
    },
  };
}
