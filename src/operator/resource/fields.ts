import { z } from 'zod';

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
}

/** Keys that the CRD generator understands in addition to those of JSON Schema. */
export interface FieldMeta {
  readonly description?: string | undefined;
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
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
    'x-kubernetes-validations': rules.map(({ cel, message }) => ({ rule: cel, message })),
  });
}

export const text = (maxLength: number, description: string) =>
  described(description, z.string().min(1).max(maxLength));

export const listOf = <S extends z.ZodType>(item: S, maxItems: number, description: string) =>
  described(description, z.array(item).max(maxItems));

/** A list whose key is `name`, so that two field managers can own different entries. */
export const listByName = <S extends z.ZodType>(item: S, maxItems: number, description: string) =>
  withMeta(listOf(item, maxItems, description), {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  });

export const stringMap = (maxProperties: number, description: string) =>
  withMeta(z.record(z.string(), z.string().max(63_000)), {
    description,
    // zod cannot bound the size of a record; the CRD generator copies this key.
    ...({ maxProperties } as FieldMeta),
  });

/** A part of a native Kubernetes object, passed on unchanged; the API server validates it when it is applied. */
const passThrough = (description: string) =>
  withMeta(z.record(z.string(), z.unknown()), { description, 'x-kubernetes-preserve-unknown-fields': true });

export const quantity = (description: string) =>
  withMeta(z.union([z.int(), z.string().max(32)]), { description, 'x-kubernetes-int-or-string': true });

const SECRET_NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** One key of a Secret in the resource's namespace. */
export const secretKeyRef = (defaultKey: string, description: string) =>
  described(
    `${description} The default key is \`${defaultKey}\`.`,
    z.object({
      name: described(
        'Name of a Secret in the same namespace.',
        z.string().min(1).max(253).regex(SECRET_NAME),
      ),
      key: described('Key in the Secret.', z.string().min(1).max(253)).default(defaultKey),
    }),
  );

/** A whole Secret in the resource's namespace. */
export const secretRef = (description: string) =>
  described(
    description,
    z.object({
      name: described(
        'Name of a Secret in the same namespace.',
        z.string().min(1).max(253).regex(SECRET_NAME),
      ),
    }),
  );

export const resources = described(
  'Requests and limits of the container, as in a Pod.',
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
);

/** What users may change in the pods of a role; not the command, ports, probes and `WA_*` variables. */
export const podTemplate = described(
  'Changes to the pods of this role. Command, ports, probes and `WA_*` variables cannot be changed.',
  z
    .object({
      labels: stringMap(32, 'Extra pod labels.'),
      annotations: stringMap(32, 'Extra pod annotations.'),
      nodeSelector: stringMap(32, 'Labels of the nodes on which the pods may run.'),
      affinity: passThrough('Affinity, as in a Pod. Replaces the default, which spreads pods over nodes.'),
      tolerations: listOf(passThrough('A toleration, as in a Pod.'), 32, 'Tolerations, as in a Pod.'),
      topologySpreadConstraints: listOf(
        passThrough('A topology spread constraint, as in a Pod.'),
        8,
        'Topology spread constraints, as in a Pod.',
      ),
      priorityClassName: text(253, 'Priority class of the pods.'),
      runtimeClassName: text(253, 'Runtime class of the pods.'),
      securityContext: passThrough('Pod security context, as in a Pod.'),
      env: listByName(
        withRules(
          z.object({
            name: text(253, 'Name of the variable.'),
            value: described('Value of the variable.', z.string().max(4096)).optional(),
            valueFrom: passThrough('Source of the value, as in a Pod.').optional(),
          }),
          [
            {
              cel: "!self.name.startsWith('WA_') && !self.name.startsWith('COREAPP_') && !self.name.startsWith('WABA_')",
              message:
                'WA_*, COREAPP_* and WABA_* variables are set by the operator; use the fields of spec instead',
              check: ({ name }) => !/^(WA_|COREAPP_|WABA_)/.test(name),
            },
          ],
        ),
        32,
        'Extra environment variables of the main container.',
      ),
      volumes: listByName(
        described('A volume, as in a Pod.', z.looseObject({ name: text(63, 'Name of the volume.') })),
        16,
        'Extra volumes, for sidecars.',
      ),
      sidecars: listByName(
        described('A container, as in a Pod.', z.looseObject({ name: text(63, 'Name of the container.') })),
        8,
        'Extra containers of the pod.',
      ),
    })
    .partial(),
);
