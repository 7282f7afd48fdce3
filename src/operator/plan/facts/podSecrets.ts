import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { cloudSecretRefs } from './cloud.ts';
import { type Component, isOurStack } from './names.ts';
import { firstTraced, firstWith, networkUsers } from './networkUsers.ts';

/** A Secret that a user gives the pods of a role. They do not start, or do not get their image, without it. */
export interface PodSecret {
  readonly name: string;
  /** Keys that must be there. */
  readonly keys: readonly string[];
  /** `spec.nodes.webapp.podTemplate.env[0].valueFrom.secretKeyRef` */
  readonly field: string;
  /** The stack whose spec has the field: stacks share the network process. */
  readonly stack: string;
  readonly component: Component;
  /** It holds credentials of an image registry. */
  readonly isForImages: boolean;
}

const NODES = ['webapp', 'master', 'coreapp', 'schema'] as const;
/** Those that the gateway mounts. */
const ofCloud = ({ metadata, spec }: WhatsAppDeployment): PodSecret[] =>
  Object.entries(cloudSecretRefs(spec)).flatMap(([field, reference]) =>
    reference
      ? [
          {
            name: reference.name,
            keys: [reference.key],
            field: `spec.cloud.${field}`,
            stack: metadata.name,
            component: 'gateway',
            isForImages: false,
          },
        ]
      : [],
  );

/** Every Secret that the specs give the pods of a stack, the shared network process among them. */
export function podSecrets(resource: WhatsAppDeployment, stacks: readonly WhatsAppDeployment[]): PodSecret[] {
  const { nodes, database, cloud } = resource.spec;
  const users = networkUsers(stacks);
  const shared = firstWith(users, 'podTemplate');
  const traced = firstTraced(users);
  const own = [
    ...NODES,
    ...(database.managed ? (['database'] as const) : []),
    ...(cloud ? (['gateway'] as const) : []),
  ];
  return [
    ...own.flatMap((component) => ofImages(resource, component)),
    ...users.flatMap((user) => ofImages(user, 'network')),
    ...NODES.flatMap((role) =>
      ofTemplate(resource, role, nodes?.[role]?.podTemplate, `spec.nodes.${role}.podTemplate`),
    ),
    ...ofTemplate(resource, 'database', database.managed?.podTemplate, 'spec.database.managed.podTemplate'),
    ...NODES.filter((role) => role !== 'schema').flatMap((role) => ofTracing(resource, role)),
    ...ofCloud(resource),
    ...ofTemplate(resource, 'gateway', cloud?.gateway?.podTemplate, 'spec.cloud.gateway.podTemplate'),
    ...(traced ? ofTracing(traced, 'network') : []),
    ...(shared ? ofTemplate(shared.stack, 'network', shared.value, 'spec.emulator.network.podTemplate') : []),
  ];
}

const ofImages = ({ metadata, spec }: WhatsAppDeployment, component: Component): PodSecret[] =>
  (spec.imagePullSecrets ?? []).map(({ name }, index) => ({
    name,
    keys: [],
    field: `spec.imagePullSecrets[${index}]`,
    stack: metadata.name,
    component,
    isForImages: true,
  }));

const ofTemplate = (
  { metadata }: WhatsAppDeployment,
  component: Component,
  template: unknown,
  path: string,
): PodSecret[] =>
  secretsIn(template, path).map((found) => ({
    ...found,
    stack: metadata.name,
    component,
    isForImages: false,
  }));

const ofTracing = (stack: WhatsAppDeployment, component: Component): PodSecret[] =>
  isOurStack(stack)
    ? ofTemplate(stack, component, stack.spec.emulator?.tracing, 'spec.emulator.tracing')
    : [];

/** The names of all of them that a stored spec has, or a part of it. */
export const podSecretNames = (spec: unknown): string[] => {
  const { imagePullSecrets } = isFields(spec) ? spec : {};
  const ofImages = (Array.isArray(imagePullSecrets) ? imagePullSecrets : []) as readonly {
    readonly name: string;
  }[];
  return [...ofImages, ...secretsIn(spec, 'spec')].map(({ name }) => name);
};

type Found = Pick<PodSecret, 'name' | 'keys' | 'field'>;
type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

/** Kubernetes names Secrets in `secretKeyRef`, `secretRef` and others like it, `secret`, and `secretName`. */
function secretsIn(value: unknown, path: string): Found[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => secretsIn(item, `${path}[${index}]`));
  if (!isFields(value)) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    const at = `${path}.${field}`;
    const found = isFields(inner) ? secretOf(field, inner) : undefined;
    if (!found) return secretsIn(inner, at);
    return inner && (inner as Fields).optional === true ? [] : [{ ...found, field: at }];
  });
}

function secretOf(field: string, value: Fields): Pick<Found, 'name' | 'keys'> | undefined {
  const named = field === 'secret' || field === 'secretKeyRef' || /secretRef$/i.test(field);
  const name = value.secretName ?? (named ? value.name : undefined);
  if (typeof name !== 'string') return undefined;
  const items = Array.isArray(value.items) ? (value.items as unknown[]) : [];
  const keys = [value.key, ...items.map((item) => (isFields(item) ? item.key : undefined))];
  return { name, keys: keys.filter((key) => typeof key === 'string') };
}
