import { POD_FIELDS } from '../../resource/spec.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { PinnedRelease } from '../facts/release.ts';
import type { Inputs } from './fingerprint.ts';

type Spec = WhatsAppDeployment['spec'];
type PodFields = Pick<Spec, (typeof POD_FIELDS)[number]>;
type Role = 'webapp' | 'master' | 'coreapp';
type OptionsOf<R extends Role> = NonNullable<NonNullable<Spec['nodes']>[R]>;
type OptionsOfAll = OptionsOf<'webapp'> & OptionsOf<'master'> & OptionsOf<'coreapp'>;
/** The number of pods of a role is no part of its pods. */
type NodeOptions = Omit<OptionsOfAll, 'replicas' | 'autoscaling'>;

/**
 * What the pods of a stack are made from, the part of `spec` that they depend on and no more: a field that is missing
 * here can't be read by a template, and a field that is here restarts pods when it changes.
 */
export interface NodeInputs extends Inputs {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: PodFields & {
    readonly database: Pick<Spec['database'], 'external'>;
    readonly media: { readonly claimName: string | undefined } | undefined;
    /** The options of the role, without its number of pods. */
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
  role: 'schema' | Role,
): NodeInputs {
  const { name, namespace } = resource.metadata;
  const { database, media, nodes, capacity } = resource.spec;
  const restarts = { schema: 0, master: 0, coreapp: coreappRestarts, webapp: webappRestarts }[role];
  return {
    metadata: { name, namespace },
    spec: {
      ...podFields(resource.spec),
      database: { external: database.external },
      media: media?.claimName === undefined ? undefined : { claimName: media.claimName },
      nodes: role === 'schema' ? undefined : nodeOptions(nodes?.[role]),
      capacity: capacity && true,
    },
    secrets,
    restarts,
  };
}

const podFields = (spec: Spec): PodFields =>
  Object.fromEntries(POD_FIELDS.map((field) => [field, spec[field]])) as PodFields;

function nodeOptions(all: Partial<OptionsOfAll> = {}): NodeOptions | undefined {
  const { replicas: _, autoscaling: __, ...options } = all;
  return Object.keys(options).length > 0 ? options : undefined;
}
