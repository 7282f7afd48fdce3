import type { KubeObject, ResourceKind } from '../../src/engine/kube/kubeObject.ts';
import { serveCustomResource } from '../../src/engine/simulation/schemas.ts';
import { encodeCertificate } from '../../src/onprem/emulatorCertificate.ts';
import { KEYS } from '../../src/operator/plan/facts/generatedSecrets.ts';
import { EMPTY_JOURNAL } from '../../src/operator/plan/facts/journal.ts';
import {
  APPROVED_GENERATION,
  generatedSecretNames,
  labels,
  names,
  stackLabels,
} from '../../src/operator/plan/facts/names.ts';
import { counts } from '../../src/operator/plan/facts/stackSettings.ts';
import {
  API_VERSION,
  KIND,
  parseWhatsAppDeployment,
  type WhatsAppDeployment,
} from '../../src/operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';
import type { PodObject } from '../simulation/workloads/clusterAccess.ts';
import { NAMESPACE, RELEASE } from './rollSimulationProcess.ts';

export const STACK = 'shop';
export const PASSWORD = 'Aa1-simulated';
export const StackKind: ResourceKind = WhatsAppDeploymentKind;

/** Makes the simulated server serve the custom resource. */
export const serveStacks = (): void =>
  serveCustomResource(StackKind, { 'status.conditions': { keys: ['type'] } });

export type Role = 'webapp' | 'master' | 'coreapp' | 'database';
export const ROLES: readonly Role[] = ['webapp', 'master', 'coreapp', 'database'];

/** The fields that a schedule changes. A number makes another image, variable or request. */
export interface SpecModel {
  readonly isCluster: boolean;
  readonly shards: number;
  readonly standbys: number;
  readonly masters: number;
  readonly webapps: number;
  readonly images: Readonly<Partial<Record<'webapp' | 'coreapp' | 'database', string>>>;
  readonly marks: Readonly<Partial<Record<Exclude<Role, 'database'>, string>>>;
  readonly cpus: Readonly<Partial<Record<Role, string>>>;
  /** Changes wait until the user approves the generation. */
  readonly isManual: boolean;
  /** Roles whose containers crash. */
  readonly bad: readonly Exclude<Role, 'database'>[];
}

/** A copy of a spec without what can never run. */
export const corrected = (spec: SpecModel): SpecModel => {
  const fine = <T extends object>(values: T): T =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => !/bad|^1000$/.test(String(value)))) as T;
  return { ...spec, images: fine(spec.images), cpus: fine(spec.cpus), bad: [] };
};

/** `spec` of the resource. */
export function specOf(model: SpecModel): object {
  const { isCluster, images, marks, cpus, bad } = model;
  const resources = (role: Role) =>
    cpus[role] === undefined ? {} : { resources: { requests: { cpu: cpus[role] } } };
  const node = (role: Exclude<Role, 'database'>) => {
    const env = [
      ...(marks[role] === undefined ? [] : [{ name: 'MARK', value: marks[role] }]),
      ...(bad.includes(role) ? [{ name: 'BAD', value: '1' }] : []),
    ];
    return { ...resources(role), ...(env.length > 0 ? { podTemplate: { env } } : {}) };
  };
  return {
    phoneNumber: '+16315551000',
    upgrade: { mode: model.isManual ? 'Manual' : 'Automatic' },
    topology: isCluster ? 'HighAvailability' : 'Single',
    emulator: { network: { url: 'tcp://network.test:5222' } },
    database: { managed: { engine: 'PostgreSQL', storage: { size: '1Gi' }, ...resources('database') } },
    images,
    ...(isCluster ? { multiconnect: { shards: model.shards, standbys: model.standbys } } : {}),
    nodes: {
      webapp: { ...node('webapp'), replicas: model.webapps },
      coreapp: node('coreapp'),
      ...(isCluster ? { master: { ...node('master'), replicas: model.masters } } : {}),
    },
  };
}

export const resourceOf = (object: KubeObject): WhatsAppDeployment => {
  const parsed = parseWhatsAppDeployment(object);
  if (!parsed.ok) throw new Error(`the schedule made a bad resource: ${JSON.stringify(parsed.problems)}`);
  return parsed.resource;
};

/** How many pods a resource asks for. */
export function wantedPods(resource: WhatsAppDeployment): Readonly<Record<Role, number>> {
  const { webapps, masters, coreapps } = counts(resource);
  return { webapp: webapps, master: masters, coreapp: coreapps, database: 1 };
}

export const roleOf = ({ metadata }: KubeObject): Role => metadata.labels?.[labels.component] as Role;

/** What a container requests if the resource says nothing of it. */
const requestsOf = (role: Role) => ({
  requests: { cpu: role === 'database' ? '50m' : '150m', memory: '128Mi' },
});

/** Whether the user lets pods that serve restart, and the number of shards change. */
export const isApproved = ({ spec, metadata }: WhatsAppDeployment): boolean =>
  spec.upgrade.mode !== 'Manual' ||
  metadata.annotations?.[APPROVED_GENERATION] === String(metadata.generation);

/** How a pod differs from what a resource asks for, computed without the code under test; undefined if it does not. */
export function outdated({ spec }: WhatsAppDeployment, pod: PodObject): string | undefined {
  const role = roleOf(pod);
  const container = pod.spec.containers.find(({ name }) => name === role);
  const options = role === 'database' ? spec.database.managed : spec.nodes?.[role];
  const image =
    role === 'database'
      ? (spec.images?.database ?? `${RELEASE.database}:18`)
      : (spec.images?.[role === 'webapp' ? 'webapp' : 'coreapp'] ?? RELEASE.stack);
  const extra = role === 'database' ? [] : (spec.nodes?.[role]?.podTemplate?.env ?? []);
  const own = (container?.env ?? []).filter(({ name }) => name === 'MARK' || name === 'BAD');
  const differs = [
    ['image', image, container?.image],
    ['resources', options?.resources ?? requestsOf(role), container?.resources],
    ['env', extra, own],
  ].find(([, wanted, actual]) => JSON.stringify(wanted) !== JSON.stringify(actual));
  return differs && `${pod.metadata.name} has another ${differs[0]}`;
}

const secret = (name: string, type: string, data: Readonly<Record<string, string>>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: NAMESPACE, labels: stackLabels(STACK, 'secrets') },
  type,
  data: Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  ),
});

/** A stack that registered a while ago, as far as its resource and Secrets tell. */
export function registeredStack(model: SpecModel, now: Date): readonly KubeObject[] {
  const stack: KubeObject = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: STACK, namespace: NAMESPACE, annotations: { [APPROVED_GENERATION]: '1' } },
    spec: specOf(model),
  };
  const of = names(STACK);
  const resource = resourceOf({
    ...stack,
    metadata: { ...stack.metadata, uid: 'u', creationTimestamp: now.toISOString(), resourceVersion: '1' },
  });
  const journal = {
    ...EMPTY_JOURNAL,
    generated: generatedSecretNames(resource),
    release: { ...RELEASE, databaseVersion: '18' },
    webappCa: 'simulated',
    adminPassword: PASSWORD,
    registration: { attempt: 1, phase: 'registered', registeredAt: now.toISOString() },
  };
  return [
    secret(of.databaseSecret, 'Opaque', { username: 'waba', password: 'simulated' }),
    secret(of.databaseCertificateSecret, 'Opaque', {
      'ca.crt': 'ca',
      'tls.crt': 'certificate',
      'tls.key': 'key',
    }),
    secret(of.adminSecret, 'Opaque', { username: 'admin', password: PASSWORD }),
    secret(of.keysSecret, 'Opaque', {
      [KEYS.jwt]: 'jwt',
      [KEYS.secret]: 'secret',
      [KEYS.apiKey]: 'key-of-the-api',
    }),
    secret(of.registrationSecret, 'Opaque', {
      code: '123456',
      certificate: encodeCertificate({ vname: STACK }),
    }),
    secret(of.journal, 'waba-operator.dev/journal', { 'journal.json': JSON.stringify(journal) }),
    stack,
  ];
}
