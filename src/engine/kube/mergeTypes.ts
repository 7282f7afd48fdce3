/**
 * How the schema of the API server merges fields: the same as `x-kubernetes-list-type`, `x-kubernetes-list-map-keys` and
 * `x-kubernetes-map-type` of its OpenAPI document, by the name of the field. A test compares this table with that
 * document.
 */

/** Lists whose entries are merged by these keys; every other list is replaced as one. */
export const LIST_KEYS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  containers: [['name']],
  initContainers: [['name']],
  ephemeralContainers: [['name']],
  resourceClaims: [['name']],
  claims: [['name']],
  schedulingGates: [['name']],
  secrets: [['name']],
  env: [['name']],
  // Of a container, of a Service. Without both, an entry is known by its name.
  ports: [['containerPort', 'protocol'], ['port', 'protocol'], ['name']],
  volumeMounts: [['mountPath']],
  volumeDevices: [['devicePath']],
  volumes: [['name']],
  imagePullSecrets: [['name']],
  topologySpreadConstraints: [['topologyKey', 'whenUnsatisfiable']],
  hostAliases: [['ip']],
  ownerReferences: [['uid']],
  conditions: [['type']],
};

/** Values that the API server fills in for a missing key. */
const KEY_DEFAULTS: Readonly<Record<string, unknown>> = { protocol: 'TCP' };

/** Maps that are replaced as one: a key that is not ours is drift. */
const ATOMIC_MAPS: ReadonlySet<string> = new Set([
  'selector',
  'labelSelector',
  'namespaceSelector',
  'podSelector',
  'nodeSelector',
  'requiredDuringSchedulingIgnoredDuringExecution',
  'secretKeyRef',
  'configMapKeyRef',
  'fieldRef',
  'resourceFieldRef',
  'fileKeyRef',
  'preference',
  'dataSource',
  'nodePublishSecretRef',
]);
export const isAtomicMap = (field: string): boolean => ATOMIC_MAPS.has(field);

/** Lists whose entries have exactly one of several fields, so that a field that is not ours excludes ours. */
const UNION_LISTS: ReadonlySet<string> = new Set(['env', 'volumes']);
export const hasUnionEntries = (field: string): boolean => UNION_LISTS.has(field);

/** Objects of which some fields exclude others. */
export const isUnion = (field: string): boolean => /^(strategy|updateStrategy)$|Probe$/.test(field);

/** Fields that the API server stores without a value if it is false or 0; it keeps the false and 0 of all others. */
const OMITTED: ReadonlySet<string> = new Set([
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'stdin',
  'stdinOnce',
  'tty',
  'readOnly',
  'publishNotReadyAddresses',
  'initialDelaySeconds',
]);
export const isOmitted = (field: string, value: unknown): boolean =>
  value === '' || ((value === false || value === 0) && OMITTED.has(field));

/** What the API server adds by itself inside values that are replaced as one. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  apiVersion: 'v1',
  divisor: '0',
  expirationSeconds: 3600,
  defaultMode: 420,
};
export const isDefault = (field: string, value: unknown): boolean => DEFAULTS[field] === value;

/** The keys by which the entries of a list are merged; undefined if the list is replaced as one. */
export function entryKeys(field: string, items: readonly unknown[]): readonly string[] | undefined {
  if (items.length === 0 || !items.every((item) => typeof item === 'object' && item !== null))
    return undefined;
  return LIST_KEYS[field]?.find((keys) => {
    const isComplete = items.every((item) => keys.every((key) => keyValue(item, key) !== undefined));
    return isComplete && new Set(items.map((item) => identity(item, keys))).size === items.length;
  });
}

const keyValue = (item: unknown, key: string): unknown =>
  (item as Readonly<Record<string, unknown>> | null)?.[key] ?? KEY_DEFAULTS[key];

/** Tells the entries of a list apart. */
export const identity = (item: unknown, keys: readonly string[]): string =>
  JSON.stringify(keys.map((key) => keyValue(item, key) ?? null));

/** The path of an entry: `containers[name=app]`. */
export const entryPath = (path: string, item: unknown, [key = '']: readonly string[]): string =>
  `${path}[${key}=${String(keyValue(item, key))}]`;
