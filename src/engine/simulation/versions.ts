import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../kube/kubeObject.ts';
import type { Target } from './target.ts';

/** An object that can still be changed. */
export type Mutable = {
  apiVersion: string;
  kind: string;
  metadata: Record<string, unknown> & { name: string };
  [field: string]: unknown;
};

/** A new object, with the fields that the server adds. */
export function newObject(
  target: Target,
  body: Mutable,
  identity: { readonly uid: string; readonly creationTimestamp: string },
): KubeObject {
  const { status, ...rest } = structuredClone(body);
  const { resourceVersion: _, ...metadata } = rest.metadata;
  return {
    ...rest,
    ...(status !== undefined && !target.kind.hasStatus ? { status } : {}),
    metadata: {
      ...metadata,
      ...(target.namespace ? { namespace: target.namespace } : {}),
      ...identity,
      ...(target.kind.counted ? { generation: 1 } : {}),
    },
  } as KubeObject;
}

/** The part of an object that a request may write: its status, or everything else. */
export function concerning(target: Target, object: KubeObject): KubeObject {
  if (!target.kind.hasStatus) return object;
  const { status, ...rest } = object;
  if (target.subresource !== 'status') return rest as KubeObject;
  const { apiVersion, kind, metadata } = object;
  return {
    apiVersion,
    kind,
    metadata: { name: metadata.name },
    ...(status === undefined ? {} : { status }),
  };
}

/** The next version: the part that the request may write from `next`, everything else from `live`. */
export function nextVersion(target: Target, live: KubeObject, next: KubeObject): KubeObject {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation } =
    live.metadata as unknown as Mutable['metadata'];
  const kept = { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation };
  const { managedFields: _, ...wanted } = next.metadata;
  const metadata = {
    ...(target.subresource === 'status' ? live.metadata : wanted),
    ...Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)),
  };
  if (!target.kind.hasStatus) return { ...next, metadata } as KubeObject;
  const [main, status] = target.subresource === 'status' ? [live, next.status] : [next, live.status];
  const { status: __, ...rest } = main;
  const merged = { ...rest, metadata, ...(status === undefined ? {} : { status }) } as Mutable;
  const essence = ({ metadata: _, status: __, ...spec }: KubeObject) => spec;
  if (target.kind.counted && !isDeepStrictEqual(essence(merged), essence(live)))
    merged.metadata.generation = Number(generation) + 1;
  return merged as KubeObject;
}

/** JSON merge patch, RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return structuredClone(patch);
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {};
  const result: Record<string, unknown> = structuredClone(base) as Record<string, unknown>;
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}
