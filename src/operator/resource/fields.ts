import * as z from 'zod';
import { isWithin, quantityOf } from './quantity.ts';

/**
 * Building blocks of the resource's schema. Every string, list and map has a bound, because the API server computes the
 * cost of CEL rules from the worst case. Every field has a description: the CRD, the reference page and the check for
 * fields that are not acted on yet are derived from it.
 */

/** A rule over several fields: in CEL for the API server, and in TypeScript for reconcile. */
export interface Rule<T> {
  readonly cel: string;
  /** Says what is wrong and what to do. */
  readonly message: string;
  /** Absent for transition rules (`oldSelf`), which only the API server can check. */
  readonly check?: (value: T) => boolean;
  /** Only for new objects: what is stored must still be changeable, and its finalizers removable. */
  readonly onCreate?: true;
}

/** Keys that the CRD generator understands in addition to those of JSON Schema. */
export interface FieldMeta {
  readonly description?: string | undefined;
  readonly 'x-kubernetes-validations'?: readonly {
    readonly rule: string;
    readonly message: string;
    readonly optionalOldSelf?: true;
  }[];
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  /** `true`: nothing acts on this field yet. A list: nothing acts on these values yet. */
  readonly planned?: true | readonly (string | number | boolean)[];
}

const withMeta = <S extends z.ZodType>(schema: S, meta: FieldMeta): S =>
  schema.meta({ ...schema.meta(), ...meta }) as S;

export function described<S extends z.ZodType>(description: string, schema: S): S {
  return withMeta(schema, { description });
}

/** Marks a field, or some of its values, that nothing acts on yet. */
export function planned<S extends z.ZodType>(schema: S, values?: readonly (string | number | boolean)[]): S {
  return withMeta(schema, { planned: values ?? true });
}

export function withRules<S extends z.ZodType>(schema: S, rules: readonly Rule<z.output<S>>[]): S {
  const checked = rules.reduce<S>(
    (current, { check, message }) => (check ? (current.refine(check, { message }) as S) : current),
    schema,
  );
  return withMeta(checked, {
    ...schema.meta(),
    'x-kubernetes-validations': rules.map(({ cel, message, onCreate }) =>
      onCreate
        ? { rule: `oldSelf.hasValue() || (${cel})`, message, optionalOldSelf: true as const }
        : { rule: cel, message },
    ),
  });
}

export const text = (maxLength: number, description: string) =>
  described(description, z.string().min(1).max(maxLength));

export const listOf = <S extends z.ZodType>(item: S, maxItems: number, description: string) =>
  described(description, z.array(item).max(maxItems));

/** A list with keys, so that two field managers can own different entries. The server refuses an entry that is there twice. */
export const listByKeys = <S extends z.ZodType>(
  item: S,
  maxItems: number,
  description: string,
  keys: readonly string[],
) => {
  const list = listOf(item, maxItems, description);
  const keyOf = (entry: unknown) =>
    JSON.stringify(keys.map((key) => (entry as Readonly<Record<string, unknown>>)[key]));
  return withMeta(
    list.refine((entries) => new Set(entries.map(keyOf)).size === entries.length, {
      message: `two entries have the same ${keys.join(' and ')}`,
    }),
    { ...list.meta(), 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys },
  );
};

export const listByName = <S extends z.ZodType>(item: S, maxItems: number, description: string) =>
  listByKeys(item, maxItems, description, ['name']);

export const stringMap = (
  maxProperties: number,
  description: string,
  value: { readonly maxLength: number; readonly pattern?: RegExp },
) => {
  const text = z.string().max(value.maxLength);
  return withMeta(z.record(z.string(), value.pattern ? text.regex(value.pattern) : text), {
    description,
    // zod cannot bound the size of a record; the CRD generator copies this key.
    ...({ maxProperties } as FieldMeta),
  });
};

/** A part of a native Kubernetes object, passed on unchanged; the API server validates it when it is applied. */
export const passThrough = (description: string) =>
  withMeta(z.record(z.string(), z.unknown()), { description, 'x-kubernetes-preserve-unknown-fields': true });

const anyQuantity = (description: string) =>
  withMeta(z.union([z.int(), z.string().max(32)]), { description, 'x-kubernetes-int-or-string': true });

/** A number of Kubernetes, such as `500m`. It is checked precisely: the server refuses no pod for it later. */
const quantity = (description: string) =>
  withRules(anyQuantity(description), [
    {
      cel: "type(self) == int ? self >= 0 : isQuantity(self) && quantity(self).compareTo(quantity('0')) >= 0",
      message: `a quantity must be a number of at least 0 with a unit of Kubernetes, such as 500m, 2 or 10Gi (not 10GB)`,
      check: (value) => (quantityOf(value) ?? -1) >= 0,
    },
  ]);

/** The size of a volume. */
export const volumeSize = (description: string) =>
  withRules(anyQuantity(description), [
    {
      cel: "type(self) == int ? self > 0 : isQuantity(self) && quantity(self).compareTo(quantity('0')) > 0",
      message: 'a size must be more than 0, with a unit of Kubernetes, such as 10Gi or 500M (not 10GB)',
      check: (value) => (quantityOf(value) ?? 0) > 0,
    },
  ]);

/** Names of most Kubernetes objects. */
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const SECRET_KEY = /^\.?[-_A-Za-z0-9][-._A-Za-z0-9]*$/;

/** The name of another object of the cluster. */
export const objectName = (description: string) =>
  described(description, z.string().min(1).max(253).regex(OBJECT_NAME));

/** One key of a Secret in the resource's namespace. */
export const secretKeyRef = (defaultKey: string, description: string) =>
  described(
    `${description} The default key is \`${defaultKey}\`.`,
    z.object({
      name: objectName('Name of a Secret in the same namespace.'),
      key: described('Key in the Secret.', z.string().min(1).max(253).regex(SECRET_KEY)).default(defaultKey),
    }),
  );

/** A whole Secret in the resource's namespace. */
export const secretRef = (description: string) =>
  described(
    description,
    z.object({
      name: objectName('Name of a Secret in the same namespace.'),
    }),
  );

const withinLimit = (field: 'cpu' | 'memory') =>
  ['requests', 'limits'].map((part) => `!has(self.${part}) || !has(self.${part}.${field})`).join(' || ') +
  ` || quantity(string(self.requests.${field})).compareTo(quantity(string(self.limits.${field}))) <= 0`;

export const resources = described(
  'Requests and limits of the container, as in a Pod. Without it, the container requests little, so that a ResourceQuota takes the pod.',
  withRules(
    z.object({
      requests: z
        .object({ cpu: quantity('CPU, e.g. 500m.'), memory: quantity('Memory, e.g. 512Mi.') })
        .partial()
        .optional(),
      limits: z
        .object({ cpu: quantity('CPU, e.g. 2.'), memory: quantity('Memory, e.g. 1Gi.') })
        .partial()
        .optional(),
    }),
    (['cpu', 'memory'] as const).map((field) => ({
      cel: withinLimit(field),
      message: `requests.${field} must not be greater than limits.${field}`,
      check: ({ requests, limits }) => isWithin(requests?.[field], limits?.[field]),
    })),
  ),
);
