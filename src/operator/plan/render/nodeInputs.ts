import { POD_FIELDS } from '../../resource/spec.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { clusterChoice } from '../facts/databaseCluster.ts';
import type { ManagedTls } from '../facts/managedTls.ts';
import type { PinnedRelease } from '../facts/release.ts';
import { type DatabaseChoice, databaseAddress } from '../facts/stackSettings.ts';
import type { Inputs } from './fingerprint.ts';

type Spec = WhatsAppDeployment['spec'];
type PodFields = Pick<Spec, (typeof POD_FIELDS)[number]>;
type Role = 'schema' | 'webapp' | 'master' | 'coreapp';
type OptionsOf<R extends Role> = NonNullable<NonNullable<Spec['nodes']>[R]>;
type OptionsOfAll = OptionsOf<'schema'> & OptionsOf<'webapp'> & OptionsOf<'master'> & OptionsOf<'coreapp'>;
/** The options of a role without its number of pods, which is not an input of the pods. */
type NodeOptions = Omit<OptionsOfAll, 'replicas' | 'autoscaling'>;

/**
 * The inputs of a stack's pods, with only the fields of `spec` that they depend on: a template cannot read a field that
 * is missing here, and a change to a field that is here restarts pods.
 */
export interface NodeInputs extends Inputs {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: PodFields & {
    readonly database: DatabaseChoice;
    readonly media: { readonly claimName: string | undefined } | undefined;
    /** The options of the role, without its number of pods. */
    readonly nodes: NodeOptions | undefined;
    /** Set if `spec.capacity` sizes the nodes. */
    readonly capacity: true | undefined;
  };
  /** Hash of the Secrets that the pods read, so that a rotated key restarts them. */
  readonly secrets: string;
  /** Restart counter of the role from the journal, raised for a setting or a certificate. */
  readonly restarts: number;
  /** Whether the nodes demand TLS of a managed database, if a user decided it. */
  readonly databaseTls?: boolean;
}

/** What the operator decides about the pods of a stack. */
export interface PodRelease extends PinnedRelease {
  /** The managed database offers TLS, or the node demands it. */
  readonly databaseTls: boolean;
}

export const nodeRelease = ({ release, databaseTls }: StackPods): PodRelease => ({
  ...release,
  databaseTls: databaseTls.nodes,
});

/** The part of the inputs that does not depend on the role. */
export interface StackPods {
  readonly resource: WhatsAppDeployment;
  /** Not an input, because the operator chooses these images: see `releaseOf`. */
  readonly release: PinnedRelease;
  readonly databaseTls: ManagedTls;
  readonly secrets: string;
  readonly coreappRestarts: number;
  readonly webappRestarts: number;
}

/** The inputs of a role's pods. */
export function nodeInputs(
  { resource, databaseTls, secrets, coreappRestarts, webappRestarts }: StackPods,
  role: Role,
): NodeInputs {
  const { name, namespace } = resource.metadata;
  const { media, nodes, capacity } = resource.spec;
  const restarts = { schema: 0, master: 0, coreapp: coreappRestarts, webapp: webappRestarts }[role];
  return {
    metadata: { name, namespace },
    spec: {
      ...podFields(resource.spec),
      database: databaseOf(resource),
      media: media?.claimName === undefined ? undefined : { claimName: media.claimName },
      nodes: nodeOptions(nodes?.[role]),
      capacity: capacity && true,
    },
    secrets,
    restarts,
    ...(databaseTls.isDeclared ? { databaseTls: databaseTls.nodes } : {}),
  };
}

/** PostgreSQL is left out, so that the hash of the inputs of existing stacks stays. */
function databaseOf(resource: WhatsAppDeployment): DatabaseChoice {
  const { external, managed } = resource.spec.database;
  return {
    external,
    ...(managed && managed.engine !== 'PostgreSQL' ? { managed: { engine: managed.engine } } : {}),
    ...(clusterChoice(resource) ? { cluster: databaseAddress(resource) } : {}),
  };
}

const podFields = (spec: Spec): PodFields =>
  Object.fromEntries(POD_FIELDS.map((field) => [field, spec[field]])) as PodFields;

function nodeOptions(all: Partial<OptionsOfAll> = {}): NodeOptions | undefined {
  const { replicas: _, autoscaling: __, ...options } = all;
  return Object.keys(options).length > 0 ? options : undefined;
}
