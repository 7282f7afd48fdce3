import { type Json, whatsAppDeploymentCrd } from '../../../operator/resource/crd.ts';

/** Paths of the fields in a schema of OpenAPI, such as `spec.nodes.webapp.replicas`; `[]` stands for the items of a list. */
export function fieldPaths(schema: Json, path = ''): string[] {
  const { properties, items } = schema as {
    readonly properties?: Record<string, Json>;
    readonly items?: Json;
  };
  const own = Object.entries(properties ?? {}).flatMap(([name, inner]) => {
    const below = path === '' ? name : `${path}.${name}`;
    return [below, ...fieldPaths(inner, below)];
  });
  return [...own, ...(items ? fieldPaths(items, `${path}[]`) : [])];
}

let known: readonly string[] | undefined;

/** The fields of `spec` and `status` that this version declares. */
export function declaredFields(): readonly string[] {
  if (known) return known;
  const { spec } = whatsAppDeploymentCrd() as {
    readonly spec: { readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Json } }[] };
  };
  known = ofResource(spec.versions.flatMap(({ schema }) => fieldPaths(schema.openAPIV3Schema)));
  return known;
}

/** Without `metadata`, which Kubernetes itself describes. */
export const ofResource = (paths: readonly string[]): string[] =>
  paths.filter((path) => /^(spec|status)\b/.test(path));

export const missingFields = (served: readonly string[]): string[] => {
  const there = new Set(served);
  return declaredFields().filter((path) => !there.has(path));
};

export const surplusFields = (served: readonly string[]): string[] => {
  const ours = new Set(declaredFields());
  return served.filter((path) => !ours.has(path));
};
