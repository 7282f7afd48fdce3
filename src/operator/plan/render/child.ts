import type { KubeObject, OwnerReference } from '../../../engine/kube/kubeObject.ts';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import { API_VERSION, KIND, type WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { annotations, type Component, stackLabels } from '../facts/names.ts';
import { fingerprint, type Inputs } from './fingerprint.ts';
import type { Resources } from './podTemplate.ts';

/** An object that the operator creates for a stack. */
export interface Child {
  readonly object: KubeObject;
  /** Kept under `deletionPolicy: Retain`: it carries no owner reference. */
  readonly retained: boolean;
  /** Changing it restarts pods. */
  readonly restarts: boolean;
  /** The child as it was rendered before the additions. A live one stays so until its inputs change: see `asFound`. */
  readonly earlier?: Child | undefined;
  /** Names of its inputs, such as `spec.imagePullSecrets`. */
  readonly inputNames: readonly string[];
}

/** What a version adds to the pods of a child. Pods that run do not restart for it. */
export interface Additions {
  /** Requests, unless a user says otherwise. */
  readonly resources?: Resources;
  /** The number of the stack, which its pods bear. */
  readonly number?: string;
}

export type ChildDefinition<I extends Inputs, R> = {
  readonly namespace: string;
  readonly identity: { readonly apiVersion: string; readonly kind: string; readonly name: string };
  readonly labels: Readonly<Record<string, string>>;
  readonly owners: readonly OwnerReference[];
  /** Everything that a user decides about the object. */
  readonly inputs: I;
  /**
   * Renders the object's content. Declare it at the top level of a file, so that it can read nothing of the resource but
   * `inputs`: a template must depend only on what is hashed.
   */
  readonly render: (inputs: I, release: R, additions: Additions) => Record<string, unknown>;
  /** What earlier versions did not render. */
  readonly additions?: Additions | undefined;
  readonly restarts?: boolean;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
} & (undefined extends R
  ? { readonly release?: R }
  : /** Chosen by the operator, so not hashed as an input. */ { readonly release: R });

/** Makes an object from its inputs. If it has a pod template, annotations record hashes of the inputs and the template. */
export function makeChild<I extends Inputs, R>(definition: ChildDefinition<I, R>): Child {
  const { namespace, identity, labels, owners, inputs, render, additions, restarts = false } = definition;
  const content = render(inputs, definition.release as R, additions ?? {});
  const { template } = (content.spec ?? {}) as { template?: unknown };
  const prints = template === undefined ? undefined : fingerprint(inputs);
  const notes = {
    ...definition.annotations,
    ...(prints ? { [annotations.inputs]: prints.text, [annotations.template]: hashOf(template) } : {}),
  };
  return {
    retained: owners.length === 0,
    restarts,
    inputNames: prints?.names ?? [],
    earlier: additions && makeChild({ ...definition, additions: undefined }),
    object: {
      apiVersion: identity.apiVersion,
      kind: identity.kind,
      metadata: {
        name: identity.name,
        namespace,
        labels,
        ...(Object.keys(notes).length > 0 ? { annotations: notes } : {}),
        ...(owners.length > 0 ? { ownerReferences: owners } : {}),
      },
      ...content,
    },
  };
}

interface OfStack {
  readonly component: Component;
  readonly labels?: Readonly<Record<string, string>>;
  /** Kept under `deletionPolicy: Retain`. */
  readonly retained?: boolean;
}
export type StackChildDefinition<I extends Inputs, R> = OfStack &
  Omit<ChildDefinition<I, R>, 'namespace' | 'labels' | 'owners'>;

/** A child of one stack, with its labels and, unless it is retained, its owner. */
export const child = <I extends Inputs, R>(
  resource: WhatsAppDeployment,
  { component, labels, retained = false, ...definition }: StackChildDefinition<I, R>,
): Child =>
  makeChild({
    ...definition,
    namespace: resource.metadata.namespace,
    labels: { ...stackLabels(resource.metadata.name, component), ...labels },
    owners: retained ? [] : [ownerReference(resource)],
  } as ChildDefinition<I, R>);

export const childKey = ({ kind, metadata }: { kind: string; metadata: { name: string } }): string =>
  `${kind}/${metadata.name}`;

export const ownerReference = ({ metadata }: WhatsAppDeployment, controller = true): OwnerReference => ({
  apiVersion: API_VERSION,
  kind: KIND,
  name: metadata.name,
  uid: metadata.uid,
  ...(controller ? { controller: true, blockOwnerDeletion: true } : {}),
});
