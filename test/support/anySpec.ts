import fc from 'fast-check';

/** Random specs from the schema of the CRD itself, so that a new field takes part without a change here. */

export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly {
    readonly rule: string;
    readonly message?: string;
    readonly optionalOldSelf?: boolean;
  }[];
}

/** Messages of the rules that hold only for new objects. A stored object that breaks one is still operated. */
export function creationMessages(schema: Schema): string[] {
  const own = (schema['x-kubernetes-validations'] ?? []).flatMap(({ message, optionalOldSelf }) =>
    optionalOldSelf && message ? [message] : [],
  );
  const inner = [...Object.values(schema.properties ?? {}), schema.additionalProperties, schema.items];
  return [...own, ...inner.flatMap((part) => (part ? creationMessages(part) : []))];
}

/** What people type: empty, with spaces, with the wrong case, in another notation, with names that are taken. */
const ODD_TEXTS = [
  ...[
    '',
    ' ',
    'a b',
    ' a',
    'a ',
    '-a',
    'a-',
    'a.b',
    'a..b',
    'a_b',
    'A',
    'ä',
    'a\nb',
    '\t',
    '1',
    '.',
    '..',
    '*',
  ],
  ...[
    'a'.repeat(63),
    'a'.repeat(64),
    'a'.repeat(253),
    'a'.repeat(254),
    `${'a'.repeat(63)}.${'b'.repeat(63)}`,
  ],
  ...['10GB', '1Gi', '1Gib', '-1', '+1', '1e3', '1E', '1e', '0', '.5', '5.', '1.5Gi', '0.0000000001', '1e-3'],
  ...[
    'https://',
    'https:// ',
    'https://a b',
    'https://a',
    'https://a:0',
    'https://a:99999',
    'https://[::1]/',
    'http://a',
  ],
  ...[
    '0 3 * * *',
    '61 * * * *',
    '@daily',
    '0 3 * *',
    '* * * * * *',
    '5-2 * * * *',
    'tcp://a',
    'tcp://a:1',
    'tcp://a:1/',
  ],
  ...[
    'v2.57.1',
    '+16315551000',
    'webapp',
    'coreapp',
    'media',
    'data',
    'database-ca',
    'default',
    'admin',
    'Europe/Berlin',
  ],
  ...[
    'WA_DB_HOSTNAME',
    'WACORE_HOSTNAME',
    'COREAPP_HOSTNAME',
    'WABA_NETWORK_URL',
    'PATH',
    'A=B',
    '1A',
    '$(WA_DB_PORT)',
  ],
  ...[
    'app.kubernetes.io/name',
    'app.kubernetes.io/version',
    'waba-operator.dev/slot',
    'x/y',
    'X/y',
    'x/',
    '/y',
    'a/b/c',
  ],
];
const ODD_NUMBERS = [-1, 0, 1, 2, 3, 31, 32, 33, 63, 64, 250, 251, 65_535, 65_536, 2 ** 31, 2 ** 53];
const QUANTITIES = ['1', '100m', '1Gi', '1.5', '2', '512Mi', '1e3', '0.5Gi', 1, 2];
/** Usual values of texts without a pattern, by field; otherwise `a`. */
const USUAL: Readonly<Record<string, readonly string[]>> = {
  url: ['https://hooks.example/a', 'tcp://net.example:5222'],
  schedule: ['0 3 * * *', '*/5 1-3,7 * jan-mar mon', '0 2 * * 1-5'],
  timeZone: ['UTC', 'Europe/Berlin'],
  websites: ['https://shop.example'],
  photoSecretRef: ['photo'],
};
/** Parts of Pods that the CRD passes on: their shape is Kubernetes', so only right ones. */
const PASSED_ON: Readonly<Record<string, readonly object[]>> = {
  affinity: [{}, { podAntiAffinity: {} }, { nodeAffinity: {} }],
  tolerations: [{ key: 'a', operator: 'Exists' }, { operator: 'Exists' }],
  topologySpreadConstraints: [{ labelSelector: { matchLabels: { a: 'b' } } }],
  securityContext: [{}, { runAsUser: 1000 }, { fsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } }],
  valueFrom: [
    { fieldRef: { fieldPath: 'metadata.name' } },
    { configMapKeyRef: { name: 'a', key: 'b', optional: true } },
  ],
  volumes: [{ emptyDir: {} }, { configMap: { name: 'a' } }, {}],
  sidecars: [{}, { env: [{ name: 'A', value: 'b' }] }, { ports: [{ containerPort: 80 }] }],
};

/** How often a value is odd. A spec has many values, and one is enough to be refused. */
const ODD_IN = 40;
const PRESENT_IN = 4;

const often = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: usual, weight: ODD_IN - 1 }, { arbitrary: odd, weight: 1 });

/** Values for a field of the schema, most of them as the schema asks for. */
export function anyValue(schema: Schema, field = ''): fc.Arbitrary<unknown> {
  const odd = fc.constantFrom<unknown>(...ODD_TEXTS);
  if (schema['x-kubernetes-int-or-string'])
    return often(
      fc.constantFrom<unknown>(...QUANTITIES),
      fc.constantFrom<unknown>(...ODD_TEXTS, ...ODD_NUMBERS),
    );
  if (schema.enum) return often(fc.constantFrom(...schema.enum), odd);
  if (schema.properties) return anyObject(schema, field);
  if (schema['x-kubernetes-preserve-unknown-fields']) return fc.constantFrom(...(PASSED_ON[field] ?? [{}]));
  if (schema.additionalProperties)
    return fc.dictionary(
      often(fc.constantFrom('team', 'example.org/team', 'a_b.c'), fc.constantFrom(...ODD_TEXTS)),
      anyValue(schema.additionalProperties, field) as fc.Arbitrary<string>,
      { maxKeys: 3 },
    );
  if (schema.items) {
    const keys = schema['x-kubernetes-list-map-keys'];
    return fc.uniqueArray(anyValue(schema.items, field), {
      maxLength: Math.min(3, schema.maxItems ?? 3),
      selector: (item) =>
        keys ? JSON.stringify(keys.map((key) => (item as Record<string, unknown>)[key])) : Symbol(),
    });
  }
  if (schema.type === 'boolean') return fc.boolean();
  if (schema.type === 'integer' || schema.type === 'number') {
    const { minimum = 0, maximum = 100 } = schema;
    return often(
      fc.integer({ min: minimum, max: Math.min(maximum, minimum + 8) }),
      fc.constantFrom(...ODD_NUMBERS),
    );
  }
  const usual = USUAL[field];
  if (usual) return often<unknown>(fc.constantFrom(...usual), odd);
  if (schema.pattern)
    return often<unknown>(
      fc
        .stringMatching(new RegExp(schema.pattern))
        .filter(({ length }) => length >= (schema.minLength ?? 0) && length <= (schema.maxLength ?? 64)),
      odd,
    );
  return often<unknown>(fc.constantFrom('abcd', 'Shop 24'), odd);
}

function anyObject(schema: Schema, field: string): fc.Arbitrary<unknown> {
  const { properties = {}, required = [] } = schema;
  const rules = (schema['x-kubernetes-validations'] ?? []).map(({ rule }) => rule);
  const entries = Object.entries(properties);
  const fields = Object.fromEntries(entries.map(([name, inner]) => [name, anyValue(inner, name)]));
  const passedOn = PASSED_ON[field] ?? [{}];
  const keys = entries.map(([name]) => name);
  // Of alternatives, one.
  const isChoice = rules.some((rule) => rule.includes('size() == 1'));
  const chosen: fc.Arbitrary<readonly string[]> = isChoice
    ? fc.constantFrom(...keys).map((name) => [name])
    : fc
        .array(fc.nat({ max: PRESENT_IN - 1 }), { minLength: keys.length, maxLength: keys.length })
        .map((draws) => keys.filter((name, index) => required.includes(name) || draws[index] === 0));
  return chosen.chain((names) =>
    fc
      .tuple(
        fc.record(Object.fromEntries(names.map((name) => [name, fields[name] as fc.Arbitrary<unknown>]))),
        fc.constantFrom(...passedOn),
      )
      .map(([value, more]) =>
        schema['x-kubernetes-preserve-unknown-fields'] ? { ...more, ...value } : value,
      ),
  );
}
