import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { PinnedRelease } from '../facts/release.ts';
import type { Inputs } from './fingerprint.ts';

type Spec = WhatsAppDeployment['spec'];
type NodeOptions = Pick<NonNullable<NonNullable<Spec['nodes']>['webapp']>, 'resources' | 'podTemplate'>;

/**
 * The inputs of a stack's pods, with only the fields of `spec` that they depend on: a template cannot read a field that
 * is missing here, and a change to a field that is here restarts pods.
 */
export interface NodeInputs extends Inputs {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: Pick<Spec, 'stack' | 'version' | 'images' | 'imagePullSecrets' | 'topology' | 'emulator'> & {
    readonly database: Pick<Spec['database'], 'external'>;
    readonly media: { readonly claimName: string | undefined } | undefined;
    /** The options of the role. */
    readonly nodes: NodeOptions | undefined;
    /** Set if `spec.capacity` sizes the nodes. */
    readonly capacity: true | undefined;
  };
  /** Hash of the Secrets that the pods read, so that a rotated key restarts them. */
  readonly secrets: string;
  /** Restart counter of the role from the journal, raised for a setting or a certificate. */
  readonly restarts: number;
}

/** The part of the inputs that does not depend on the role. */
export interface StackPods {
  readonly resource: WhatsAppDeployment;
  /** Not an input, because the operator chooses these images: see `releaseOf`. */
  readonly release: PinnedRelease;
  readonly secrets: string;
  readonly coreappRestarts: number;
  readonly webappRestarts: number;
}

/** The inputs of a role's pods. */
export function nodeInputs(
  { resource, secrets, coreappRestarts, webappRestarts }: StackPods,
  role: 'schema' | 'webapp' | 'master' | 'coreapp',
): NodeInputs {
  const { name, namespace } = resource.metadata;
  const { stack, version, images, imagePullSecrets, topology, emulator, database, media, nodes, capacity } =
    resource.spec;
  const options = role === 'schema' ? undefined : nodes?.[role];
  const restarts = { schema: 0, master: 0, coreapp: coreappRestarts, webapp: webappRestarts }[role];
  return {
    metadata: { name, namespace },
    spec: {
      stack,
      version,
      images,
      imagePullSecrets,
      topology,
      emulator,
      database: { external: database.external },
      media: media?.claimName === undefined ? undefined : { claimName: media.claimName },
      nodes:
        options?.resources || options?.podTemplate
          ? { resources: options.resources, podTemplate: options.podTemplate }
          : undefined,
      capacity: capacity && true,
    },
    secrets,
    restarts,
  };
}
