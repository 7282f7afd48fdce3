import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { PinnedRelease } from '../facts/release.ts';
import type { Inputs } from './fingerprint.ts';

type Spec = WhatsAppDeployment['spec'];
type NodeOptions = Pick<NonNullable<NonNullable<Spec['nodes']>['webapp']>, 'resources' | 'podTemplate'>;

/**
 * What the pods of a stack are made from, the part of `spec` that they depend on and no more: a field that is missing
 * here can't be read by a template, and a field that is here restarts pods when it changes.
 */
export interface NodeInputs extends Inputs {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: Pick<Spec, 'stack' | 'version' | 'images' | 'imagePullSecrets' | 'topology' | 'emulator'> & {
    readonly database: Pick<Spec['database'], 'external'>;
    readonly media: { readonly claimName: string | undefined } | undefined;
    /** The options of the role. */
    readonly nodes: NodeOptions | undefined;
    /** Whether nodes are sized for a throughput. */
    readonly capacity: true | undefined;
  };
  /** Hash of the Secrets that the pods read: a rotated key rolls them. */
  readonly secrets: string;
  /** From the journal: raised when the role must restart for a setting or a certificate. */
  readonly restarts: number;
}

/** What all pods of a stack have in common, before a role is chosen. */
export interface StackPods {
  readonly resource: WhatsAppDeployment;
  /** The images are the operator's choice, so that they are no input: see `releaseOf`. */
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
