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

/** A key of a Secret that the resource refers to. */
export interface SecretUse {
  readonly reference: { readonly name: string; readonly key: string };
  /** Path of the field that refers to it, e.g. `spec.twoStep.pinSecretRef`. */
  readonly field: string;
  /** What the key holds, e.g. `the two-step PIN`. */
  readonly content: string;
}

type Secrets = Pick<Observation, 'referenced' | 'children'>;

/** What a person does about a value that is not there: creating a Secret and adding a key are different commands. */
export function missingMessage(secrets: Secrets, { reference, field, content }: SecretUse): string {
  const { name, key } = reference;
  return secretExists(secrets, name)
    ? `Secret ${name} has no key ${key} (${field}); add the key with ${content}`
    : `Secret ${name} does not exist (${field}); create it with ${content} under key ${key}`;
}

export const secretExists = ({ referenced, children }: Secrets, name: string): boolean =>
  referenced.get(name)?.data !== undefined || children.has(`Secret/${name}`);

/** A value, or why it cannot be used. */
export type SecretLine =
  | { readonly value: string; readonly problem?: undefined; readonly reason?: undefined }
  | {
      readonly problem: string;
      readonly reason: 'SecretMissing' | 'SecretRefused';
      readonly value?: undefined;
    };

/**
 * A value of one line. Files end with a line end that is no part of the value (`kubectl create secret --from-file` keeps
 * it), so line ends at the end are dropped; a line end inside is a mistake that the stack would store.
 */
export function secretLine(secrets: Secrets, use: SecretUse): SecretLine {
  const stored = secretValue(secrets, use.reference);
  if (stored === undefined) return { problem: missingMessage(secrets, use), reason: 'SecretMissing' };
  const value = withoutLineEnd(stored);
  const { name, key } = use.reference;
  const place = `key ${key} of Secret ${name} (${use.field})`;
  if (value.trim() === '')
    return { problem: `${place} is blank; put ${use.content} into it`, reason: 'SecretMissing' };
  if (/[\r\n]/.test(value))
    return {
      problem: `${place} has a line end inside; write ${use.content} in one line`,
      reason: 'SecretRefused',
    };
  return { value };
}

export const withoutLineEnd = (text: string): string => text.replace(/[\r\n]+$/, '');
