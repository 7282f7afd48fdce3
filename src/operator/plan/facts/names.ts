import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';

/** Names, labels and annotations of everything that belongs to a stack. */

export const FIELD_MANAGER = 'waba-operator';
export const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'waba-operator' } as const;
/** Selects everything of ours; the operator watches nothing else of Secrets, Services and the like. */
export const MANAGED_SELECTOR = 'app.kubernetes.io/managed-by=waba-operator';

/** Domain of the labels and annotations of this operator. */
export const ANNOTATION_PREFIX = 'waba-operator.dev';
export const labels = {
  instance: 'app.kubernetes.io/instance',
  component: 'app.kubernetes.io/component',
  topology: `${ANNOTATION_PREFIX}/topology`,
  slot: `${ANNOTATION_PREFIX}/slot`,
} as const;
export const annotations = {
  /** Hashes of what the child was made from, by name; the same inputs with another rendering is a change of the operator. */
  inputs: `${ANNOTATION_PREFIX}/inputs`,
  /** Hash of the pod template as rendered: what else differs restarts nothing. */
  template: `${ANNOTATION_PREFIX}/template-hash`,
  /** Raised when something that only a restart makes effective has changed. */
  restarts: `${ANNOTATION_PREFIX}/applied-settings`,
  /** Hash of the Secrets that the pods read. */
  secrets: `${ANNOTATION_PREFIX}/secrets-hash`,
} as const;
/** Another value of this annotation asks for another look at the webhook. */
export const CHECK_WEBHOOK = `${ANNOTATION_PREFIX}/check-webhook`;
export const CLEANUP_FINALIZER = `${ANNOTATION_PREFIX}/cleanup`;

export type Component =
  | 'database'
  | 'schema'
  | 'network'
  | 'webapp'
  | 'master'
  | 'coreapp'
  | 'media'
  | 'secrets';

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

export const names = (stack: string) => ({
  serviceAccount: stack,
  databaseSecret: `${stack}-database`,
  adminSecret: `${stack}-admin`,
  keysSecret: `${stack}-keys`,
  registrationSecret: `${stack}-registration`,
  /** Where cert-manager puts the certificate of the Webapps. */
  tlsSecret: `${stack}-tls`,
  /** The authority that signs it where nobody else does. */
  authoritySecret: `${stack}-authority`,
  journal: `${stack}-journal`,
  database: `${stack}-database`,
  databaseClaim: `${stack}-database`,
  mediaClaim: `${stack}-media`,
  nodesService: `${stack}-nodes`,
  webapp: `${stack}-webapp`,
  coreappService: `${stack}-coreapp`,
  disruptionBudget: (component: Component) => `${stack}-${component}`,
  slot: (role: 'master' | 'coreapp', index: number) => `${stack}-${role}-${index}`,
});

/** The network process of a namespace's emulator stacks; no stack owns it alone. */
export const NETWORK = { name: 'waba-network', port: 5222, controlPort: 8080 } as const;

/** Secrets that the operator makes. They are kept with the data, and never made anew once lost. */
export const generatedSecretNames = ({ metadata, spec }: WhatsAppDeployment): string[] => {
  const of = names(metadata.name);
  return [
    ...(spec.database.managed ? [of.databaseSecret] : []),
    of.adminSecret,
    of.keysSecret,
    ...(spec.tls?.selfSigned ? [of.authoritySecret] : []),
    ...(spec.stack === 'Emulator' && needsGeneratedRegistration(spec) ? [of.registrationSecret] : []),
  ];
};

/** Without references of its own, an emulator stack gets a certificate and a code that the network knows. */
const needsGeneratedRegistration = (spec: WhatsAppDeployment['spec']): boolean =>
  spec.stack === 'Emulator' && !(spec.registration.certificateSecretRef && spec.registration.codeSecretRef);

/** Slot number of a Master or Coreapp by the name of its StatefulSet or pod. */
export function slotOf(stack: string, role: 'master' | 'coreapp', objectName: string): number | undefined {
  const prefix = `${stack}-${role}-`;
  if (!objectName.startsWith(prefix)) return undefined;
  const index = Number(objectName.slice(prefix.length).split('-')[0]);
  return Number.isInteger(index) ? index : undefined;
}

/** The role of the node whose slot an object is; undefined for anything that is no slot. */
export function slotRole({
  metadata,
}: {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
}): 'master' | 'coreapp' | undefined {
  const component = metadata.labels?.[labels.component];
  return component === 'master' || component === 'coreapp' ? component : undefined;
}
