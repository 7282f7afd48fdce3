import { z } from 'zod';

/**
 * Building blocks of the resource's schema. Everything is bounded, because CEL cost limits are
 * computed from the worst case, and everything carries its own documentation: the CRD, the reference
 * page and the "not acted on yet" guard are all derived from what is written here.
 */

/** A cross-field rule: CEL for the API server, the same check in TypeScript for reconcile. */
export interface Rule<T> {
  readonly cel: string;
  /** Says what to do, not only what is wrong. */
  readonly message: string;
  /** Absent for transition rules (`oldSelf`), which only the API server can judge. */
  readonly check?: (value: T) => boolean;
}

/** Keys that the CRD generator understands beside the JSON Schema ones. */
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

/** Marks a field (or some of its values) whose behaviour is not built yet. */
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

/** A list whose entries are told apart by `name`, so that two appliers can own different entries. */
export const listByName = <S extends z.ZodType>(item: S, maxItems: number, description: string) =>
  withMeta(listOf(item, maxItems, description), {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  });

export const stringMap = (maxProperties: number, description: string) =>
  withMeta(z.record(z.string(), z.string().max(63_000)), {
    description,
    // JSON Schema has no bound in zod's records; the CRD generator carries this one over.
    ...({ maxProperties } as FieldMeta),
  });

/** A native Kubernetes object that is handed through as it is; the API server judges it when applied. */
const passThrough = (description: string) =>
  withMeta(z.record(z.string(), z.unknown()), { description, 'x-kubernetes-preserve-unknown-fields': true });

export const quantity = (description: string) =>
  withMeta(z.union([z.int(), z.string().max(32)]), { description, 'x-kubernetes-int-or-string': true });

const SECRET_NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** One key of a Secret in the resource's namespace. */
export const secretKeyRef = (defaultKey: string, description: string) =>
  described(
    `${description} Key \`${defaultKey}\` unless \`key\` says otherwise.`,
    z.object({
      name: described(
        'Name of a Secret in the same namespace.',
        z.string().min(1).max(253).regex(SECRET_NAME),
      ),
      key: described('Key inside the Secret.', z.string().min(1).max(253)).default(defaultKey),
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

/** What may be changed in the pods of a role. Command, ports, probes and `WA_*` variables are not in it. */
export const podTemplate = described(
  'Additions to the pods of this role. Command, ports, probes and `WA_*` variables cannot be changed.',
  z
    .object({
      labels: stringMap(32, 'Extra pod labels.'),
      annotations: stringMap(32, 'Extra pod annotations.'),
      nodeSelector: stringMap(32, 'Node labels the pods require.'),
      affinity: passThrough('Affinity, as in a Pod. Replaces the default spread over nodes.'),
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
            value: described('Its value.', z.string().max(4096)).optional(),
            valueFrom: passThrough('Where its value comes from, as in a Pod.').optional(),
          }),
          [
            {
              cel: "!self.name.startsWith('WA_') && !self.name.startsWith('COREAPP_') && !self.name.startsWith('WABA_')",
              message:
                'WA_*, COREAPP_* and WABA_* variables belong to the operator; use the fields of spec instead',
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
        'Extra volumes for sidecars.',
      ),
      sidecars: listByName(
        described('A container, as in a Pod.', z.looseObject({ name: text(63, 'Name of the container.') })),
        8,
        'Extra containers beside the main one.',
      ),
    })
    .partial(),
);
