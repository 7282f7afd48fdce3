import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { Observation } from './observed.ts';

export type SecretObject = KubeObject & { readonly data?: Readonly<Record<string, string>> };

export const decodeSecret = ({ data = {} }: SecretObject): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );

/** A value in a Secret that the resource refers to, or in one that the operator generated. */
export function secretValue(
  { referenced, children }: Pick<Observation, 'referenced' | 'children'>,
  { name, key }: { readonly name: string; readonly key: string },
): string | undefined {
  const known = referenced.get(name)?.data?.[key];
  if (known !== undefined) return known;
  const own = children.get(`Secret/${name}`) as SecretObject | undefined;
  return own && decodeSecret(own)[key];
}
