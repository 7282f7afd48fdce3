/**
 * What a podTemplate must not hold: whoever may create a stack needs no right to create pods, so a stack must not be a way
 * to root on a node, or to Secrets and tokens of the namespace. The operator and the admission policy of the chart are both
 * made of this table.
 */
export interface PodRule {
  /** Where the value stands in a podTemplate, such as `sidecars[].ports[].hostPort`. `[]` stands for every item of a list. */
  readonly path: string;
  readonly forbids: Forbidden;
  /** What is wrong with the value, to follow its path. */
  readonly problem: string;
}

/** A value that is absent or null breaks no rule. */
export type Forbidden =
  | { readonly any: true }
  | { readonly value: boolean | number | string }
  | { readonly otherThan: readonly string[] }
  | { readonly keysOtherThan: readonly string[] };

/** Capabilities that the `restricted` profile of Kubernetes allows. */
const ALLOWED_CAPABILITIES = ['NET_BIND_SERVICE'];
/** What the profile lets pods change of the kernel's settings. */
const SAFE_SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
];
/** Volumes whose content is the user's own, or the cluster's to hand out. */
const ALLOWED_VOLUMES = [
  'configMap',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
];
const ALLOWED_SOURCES = ['configMap', 'downwardAPI'];

const SECRET = 'a Secret is not allowed, because whoever may create a stack may not read every Secret';

const absent = (path: string, problem: string): PodRule => ({ path, forbids: { any: true }, problem });
const never = (path: string, value: boolean | number | string): PodRule => ({
  path,
  forbids: { value },
  problem: `must not be ${value}`,
});
const only = (path: string, allowed: readonly string[]): PodRule => ({
  path,
  forbids: { otherThan: allowed },
  problem: `must be one of ${allowed.join(', ')}`,
});
const onlyKeys = (path: string, allowed: readonly string[], besides: readonly string[] = []): PodRule => ({
  path,
  forbids: { keysOtherThan: [...besides, ...allowed] },
  problem: `may be only of ${allowed.join(', ')}; other kinds reach beyond the namespace, or read its Secrets and tokens`,
});
const under = (path: string, rules: readonly PodRule[]): readonly PodRule[] =>
  rules.map((rule) => ({ ...rule, path: `${path}.${rule.path}` }));

/** Of a pod and of a container. */
const CONTEXT: readonly PodRule[] = [
  never('privileged', true),
  never('allowPrivilegeEscalation', true),
  never('runAsNonRoot', false),
  never('runAsUser', 0),
  never('runAsGroup', 0),
  never('fsGroup', 0),
  never('supplementalGroups[]', 0),
  never('seccompProfile.type', 'Unconfined'),
  never('appArmorProfile.type', 'Unconfined'),
  only('procMount', ['Default']),
  absent('seLinuxOptions', 'must not be set'),
  absent('windowsOptions', 'must not be set'),
  only('capabilities.add[]', ALLOWED_CAPABILITIES),
  only('sysctls[].name', SAFE_SYSCTLS),
];

/** Calls that the node makes for a container: with a host they reach what only the node may. */
const CALLS = [
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle.postStart',
  'lifecycle.preStop',
].flatMap((field) =>
  ['httpGet', 'tcpSocket'].map((call) => absent(`${field}.${call}.host`, 'must not be set')),
);

const ENV = absent('env[].valueFrom.secretKeyRef', SECRET);

const CONTAINER: readonly PodRule[] = [
  ...under('securityContext', CONTEXT),
  ENV,
  absent('envFrom[].secretRef', SECRET),
  absent('ports[].hostPort', 'a port of the node is not allowed'),
  ...CALLS,
];

export const POD_RULES: readonly PodRule[] = [
  ...under('securityContext', CONTEXT),
  ENV,
  onlyKeys('volumes[]', ALLOWED_VOLUMES, ['name']),
  onlyKeys('volumes[].projected.sources[]', ALLOWED_SOURCES),
  ...under('sidecars[]', CONTAINER),
];
