import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { appliedHashAnnotation } from '../../../engine/kube/ownFields.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';

/** Names, labels and annotations of everything that belongs to a stack. */

export const FIELD_MANAGER = 'waba-operator';
/** Holds the number of Webapps while the operator lets go of it, until the autoscaler changes it. */
export const HANDOVER_MANAGER = 'waba-operator-handover';
export const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'waba-operator' } as const;
/** Selects the objects of the operator; it watches no others of these kinds. */
export const MANAGED_SELECTOR = 'app.kubernetes.io/managed-by=waba-operator';

/** In each namespace with stacks, the installation that operates them holds this Lease. */
export const NAMESPACE_LEASE = 'waba-operator-namespace';

/** Domain of the labels and annotations of this operator. */
export const ANNOTATION_PREFIX = 'waba-operator.dev';
export const labels = {
  instance: 'app.kubernetes.io/instance',
  component: 'app.kubernetes.io/component',
  topology: `${ANNOTATION_PREFIX}/topology`,
  slot: `${ANNOTATION_PREFIX}/slot`,
  version: 'app.kubernetes.io/version',
} as const;
export const annotations = {
  /** Hashes of the inputs of the child, by name. If only the template hash changes, the operator version changed it. */
  inputs: `${ANNOTATION_PREFIX}/inputs`,
  /** Hash of the rendered pod template: other differences restart nothing. */
  template: `${ANNOTATION_PREFIX}/template-hash`,
  /** Hash of the manifest that the operator applied last. */
  applied: appliedHashAnnotation(ANNOTATION_PREFIX),
  /** What changed in the pod template since all pods of the child last ran it: names of inputs, separated by commas. */
  changed: `${ANNOTATION_PREFIX}/changed-inputs`,
  /** Counter, raised by each change that needs a restart. */
  restarts: `${ANNOTATION_PREFIX}/applied-settings`,
  /** On a schema Job: which schema is there once the Job is complete. See `SchemaIdentity`. */
  schema: `${ANNOTATION_PREFIX}/schema`,
  /** On the Job that checks an external database: what it checks. See `DatabaseCheck`. */
  databaseCheck: `${ANNOTATION_PREFIX}/database-check`,
  /** On the Secret of the managed database, by a person: the database has the password with this hash. */
  acceptedPassword: `${ANNOTATION_PREFIX}/accepted-password`,
  /** On Masters and Coreapps: the number that they serve, which outlives the resource with them. */
  number: `${ANNOTATION_PREFIX}/number`,
  /** On pods: the managed database offers TLS, or a node demands it. */
  databaseTls: `${ANNOTATION_PREFIX}/database-tls`,
  /** On the Deployment of the Webapps: who decides how many there are, and that the operator does not apply it. */
  replicasBy: `${ANNOTATION_PREFIX}/replicas-by`,
  /** Hash of the Secrets that the pods read. */
  secrets: `${ANNOTATION_PREFIX}/secrets-hash`,
} as const;
/** A new value of this annotation requests a new probe of the webhook receiver. */
export const CHECK_WEBHOOK = `${ANNOTATION_PREFIX}/check-webhook`;
/** Approves a change of a stack with `spec.upgrade.mode: Manual`, by its generation. */
export const APPROVED_GENERATION = `${ANNOTATION_PREFIX}/approved-generation`;
/** With the value `only`, the operator says in `status.plan` what it would do, and does nothing. */
export const PLAN = `${ANNOTATION_PREFIX}/plan`;
export const isPlanOnly = ({ metadata }: Pick<WhatsAppDeployment, 'metadata'>): boolean =>
  metadata.annotations[PLAN] === 'only';
/** On a stack, by its fleet: the fleet, as `namespace/name`, and what it brought when, as `HASH@TIME`. */
export const FLEET = `${ANNOTATION_PREFIX}/fleet`;
export const FLEET_CHANGE = `${ANNOTATION_PREFIX}/fleet-change`;
/** On a stack that its fleet lets take the changes of a new operator version. */
export const FLEET_PERMISSION = `${ANNOTATION_PREFIX}/fleet-permission`;
export const CLEANUP_FINALIZER = `${ANNOTATION_PREFIX}/cleanup`;

/** The annotations of a resource that this operator reads. Other tools note things there now and then, which change nothing. */
export const ownAnnotations = (annotations: Readonly<Record<string, string>> = {}): [string, string][] =>
  Object.entries(annotations).filter(([name]) => name.startsWith(`${ANNOTATION_PREFIX}/`));

export type Component =
  | 'database'
  | 'database-check'
  | 'password-rotation'
  | 'schema'
  | 'network'
  | 'gateway'
  | 'webapp'
  | 'master'
  | 'coreapp'
  | 'media'
  | 'secrets';

/** The components that serve the number. */
export const NODES: readonly string[] = ['webapp', 'master', 'coreapp'] satisfies Component[];
export const isNode = (component: string | undefined): boolean => NODES.includes(component ?? '');

/** The components whose pods belong to a Job: they are done when they have ended. */
export const isOfJob = (component: string): boolean =>
  (['schema', 'database-check', 'password-rotation'] satisfies Component[] as string[]).includes(component);

export const componentOf = ({ metadata }: Pick<KubeObject, 'metadata'>): string =>
  metadata.labels?.[labels.component] ?? '';

export const stackLabels = (name: string, component: Component): Record<string, string> => ({
  'app.kubernetes.io/name': 'whatsapp-business',
  [labels.instance]: name,
  [labels.component]: component,
  ...MANAGED_BY,
});

export const selectorLabels = (name: string, component: Component): Record<string, string> => ({
  [labels.instance]: name,
  [labels.component]: component,
});

/**
 * Selects the pods of a role. Objects of other programs may have the same instance and component, such as those of a Helm
 * release with the name of the stack. Not for the selectors of StatefulSets and Deployments, which can't change.
 */
export const memberLabels = (name: string, component: Component): Record<string, string> => ({
  ...selectorLabels(name, component),
  ...MANAGED_BY,
});

export const names = (stack: string) => ({
  serviceAccount: stack,
  databaseSecret: `${stack}-database`,
  /** The certificate of the managed database, and the CA that signed it. */
  databaseCertificateSecret: `${stack}-database-certificate`,
  /** The login of the stack in a database cluster that the operator creates, where its operator makes none. */
  clusterLoginSecret: `${stack}-db-login`,
  /** The account with which MySQL Operator makes the servers of a created InnoDBCluster. It is that of the stack. */
  clusterRootSecret: `${stack}-db-account`,
  /** The certificate of a created InnoDBCluster, and the CA that signed it. */
  clusterCertificateSecret: `${stack}-db-certificate`,
  adminSecret: `${stack}-admin`,
  keysSecret: `${stack}-keys`,
  registrationSecret: `${stack}-registration`,
  /** What the operator generates for a stack of `stack: Cloud`. */
  cloudSecret: `${stack}-cloud`,
  /** The gateway to the Cloud API: its StatefulSet, Service, claim, and the way in for webhooks. */
  gateway: `${stack}-gateway`,
  /** Where cert-manager stores the certificate of the Webapps. */
  tlsSecret: `${stack}-tls`,
  /** The authority that signs the certificate with `spec.tls.selfSigned`. */
  authoritySecret: `${stack}-authority`,
  journal: `${stack}-journal`,
  database: `${stack}-database`,
  databaseClaim: `${stack}-database`,
  mediaClaim: `${stack}-media`,
  nodesService: `${stack}-nodes`,
  webapp: `${stack}-webapp`,
  autoscaler: `${stack}-webapp`,
  /** Holds the authority of the Webapps for a Gateway. */
  webappCa: `${stack}-webapp-ca`,
  coreappService: `${stack}-coreapp`,
  disruptionBudget: (component: Component) => `${stack}-${component}`,
  networkPolicy: (of: 'database' | 'node' | 'webapp' | 'gateway') => `${stack}-${of}-access`,
  egressPolicy: `${stack}-egress`,
  gatewayEgressPolicy: `${stack}-gateway-egress`,
  slot: (role: 'master' | 'coreapp', index: number) => `${stack}-${role}-${index}`,
});

/** The key of the journal's Secret that holds the authority of the Webapps, for programs that verify them. */
export const WEBAPP_CA_KEY = 'ca.crt';
/** The key of the journal's Secret that holds the password which the Job of a rotation sets. */
export const NEXT_PASSWORD_KEY = 'nextPassword';

/** The network process that all emulator stacks of a namespace share. */
export const NETWORK = {
  name: 'waba-network',
  port: 5222,
  controlPort: 8080,
  /** Holds what callers of the control port must know, under `token`. */
  controlSecret: 'waba-network-control',
} as const;

/** Whether the nodes are of our implementation, which takes more variables than the vendor's. */
export const isOurStack = ({ spec }: { readonly spec: Pick<WhatsAppDeployment['spec'], 'stack'> }): boolean =>
  spec.stack !== 'OnPremises';

export const sharesNetwork = ({ stack, emulator }: WhatsAppDeployment['spec']): boolean =>
  stack === 'Emulator' && emulator?.network?.url === undefined;

/** Secrets that stacks share. No data depends on them, so a lost one is made anew. */
export const sharedSecretNames = ({ spec }: WhatsAppDeployment): string[] =>
  sharesNetwork(spec) ? [NETWORK.controlSecret] : [];

/** Whether the managed database shall have TLS. */
export const wantsManagedTls = ({ database: { managed } }: WhatsAppDeployment['spec']): boolean =>
  managed !== undefined && managed.tls?.mode !== 'Disable';

/** Labels of a Secret that the operator writes. */
export const secretLabels = (resource: WhatsAppDeployment, secretName: string): Record<string, string> => {
  const isShared = sharedSecretNames(resource).includes(secretName);
  return stackLabels(isShared ? NETWORK.name : resource.metadata.name, 'secrets');
};

/** Secrets that the operator generates. They are kept with the data, and never generated again if lost. */
export const generatedSecretNames = ({ metadata, spec }: WhatsAppDeployment): string[] => {
  const of = names(metadata.name);
  return [
    ...(spec.database.managed ? [of.databaseSecret] : []),
    ...(wantsManagedTls(spec) ? [of.databaseCertificateSecret] : []),
    ...clusterSecretNames(metadata.name, spec),
    of.adminSecret,
    of.keysSecret,
    ...(spec.tls?.selfSigned ? [of.authoritySecret] : []),
    ...(spec.stack === 'Emulator' && needsGeneratedRegistration(spec) ? [of.registrationSecret] : []),
    ...(spec.stack === 'Cloud' ? [of.cloudSecret] : []),
  ];
};

/** CloudNativePG makes what a Cluster needs. */
function clusterSecretNames(stack: string, { database }: WhatsAppDeployment['spec']): string[] {
  const { clusterLoginSecret, clusterRootSecret, clusterCertificateSecret } = names(stack);
  const { mysqlOperator, mariadbOperator } = database;
  return [
    ...(mariadbOperator && mariadbOperator.name === undefined ? [clusterLoginSecret] : []),
    ...(mysqlOperator && mysqlOperator.name === undefined
      ? [clusterRootSecret, clusterCertificateSecret]
      : []),
  ];
}

/** An emulator stack without references gets a generated certificate and code that the network process accepts. */
const needsGeneratedRegistration = (spec: WhatsAppDeployment['spec']): boolean =>
  spec.stack === 'Emulator' && !(spec.registration.certificateSecretRef && spec.registration.codeSecretRef);

/** Slot number of a Master or Coreapp by the name of its StatefulSet or pod. */
export function slotOf(stack: string, role: 'master' | 'coreapp', objectName: string): number | undefined {
  const prefix = `${stack}-${role}-`;
  if (!objectName.startsWith(prefix)) return undefined;
  const index = Number(objectName.slice(prefix.length).split('-')[0]);
  return Number.isInteger(index) ? index : undefined;
}

/** The name of the only pod of a StatefulSet. */
export const podOfSet = (set: string): string => `${set}-0`;

/**
 * The role of a slot's node, by the name of its StatefulSet, which nobody can edit; undefined if the object is not a slot.
 */
export const slotRole = (stack: string, setName: string): 'master' | 'coreapp' | undefined =>
  (['master', 'coreapp'] as const).find((role) => slotOf(stack, role, setName) !== undefined);
