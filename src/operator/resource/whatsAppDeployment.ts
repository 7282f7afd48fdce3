import * as z from 'zod';
import type { PublishedLogin } from './databaseClusters.ts';
import { whatsAppDeploymentSpec } from './spec.ts';
import { type WhatsAppDeploymentStatus, whatsAppDeploymentStatus } from './status.ts';

export const API_GROUP = 'waba-operator.dev';
export const API_VERSION = `${API_GROUP}/v1alpha1`;
export const KIND = 'WhatsAppDeployment';
export const PLURAL = 'whatsappdeployments';

/** The part of `metadata` that the operator reads. */
export const objectMeta = z.looseObject({
  name: z.string(),
  namespace: z.string(),
  uid: z.string(),
  generation: z.int().default(1),
  creationTimestamp: z.string(),
  resourceVersion: z.string(),
  deletionTimestamp: z.string().optional(),
  finalizers: z.array(z.string()).default([]),
  annotations: z.record(z.string(), z.string()).default({}),
});

const whatsAppDeployment = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  metadata: objectMeta,
  spec: whatsAppDeploymentSpec,
  // A status that another version wrote must not stop a reconcile: if it does not parse, it counts as absent.
  status: whatsAppDeploymentStatus.optional().catch(undefined),
});
export type WhatsAppDeployment = z.output<typeof whatsAppDeployment> & {
  /** What the cluster of its database publishes, which is observed together with the resource. */
  readonly published?: PublishedLogin | undefined;
};

/** The status of a stored object, also of one whose spec does not parse; undefined if the status does not parse. */
export const storedStatus = ({
  status,
}: {
  readonly [field: string]: unknown;
}): WhatsAppDeploymentStatus | undefined =>
  whatsAppDeploymentStatus.optional().catch(undefined).parse(status);

interface ParseProblem {
  /** e.g. `spec.database.external.host`. */
  readonly path: string;
  readonly message: string;
}

/** A stored object of type T. */
export type Parsed<T> =
  | { readonly ok: true; readonly resource: T }
  | { readonly ok: false; readonly problems: readonly ParseProblem[] };

/** A parser of stored objects. Results are kept by object: cached objects are frozen, and the same one is parsed many times. */
export function parseStored<S extends z.ZodType>(schema: S): (object: unknown) => Parsed<z.output<S>> {
  const known = new WeakMap<object, Parsed<z.output<S>>>();
  return (object) => {
    const isFrozen = typeof object === 'object' && object !== null && Object.isFrozen(object);
    const found = isFrozen ? known.get(object) : undefined;
    if (found) return found;
    const parsed = schema.safeParse(object);
    const result: Parsed<z.output<S>> = parsed.success
      ? { ok: true, resource: parsed.data }
      : {
          ok: false,
          problems: parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })),
        };
    if (isFrozen) known.set(object, result);
    return result;
  };
}

/** Parses a stored resource. It fails only if the installed CRD is of another version than this code. */
export const parseWhatsAppDeployment = parseStored(whatsAppDeployment);
