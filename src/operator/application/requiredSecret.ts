import type { Observation } from '../plan/facts/observed.ts';
import { secretValue } from '../plan/facts/secrets.ts';
import { ApplicationError } from './applicationError.ts';

/** A key of a Secret that the resource refers to. */
export interface SecretUse {
  readonly reference: { readonly name: string; readonly key: string };
  /** Path of the field that refers to it, e.g. `spec.twoStep.pinSecretRef`. */
  readonly field: string;
  /** What the key holds, e.g. `the two-step PIN`. */
  readonly content: string;
}

type Secrets = Pick<Observation, 'referenced' | 'children'>;

/** @throws ApplicationError `SecretMissing` */
export function requiredSecretValue(observed: Secrets, use: SecretUse): string {
  const value = secretValue(observed, use.reference);
  if (value === undefined) throw secretMissing(observed, use);
  return value;
}

export const secretMissing = (observed: Secrets, use: SecretUse): ApplicationError =>
  new ApplicationError('SecretMissing', missingMessage(observed, use));

function missingMessage({ referenced, children }: Secrets, { reference, field, content }: SecretUse): string {
  const { name, key } = reference;
  const exists = referenced.get(name)?.data !== undefined || children.has(`Secret/${name}`);
  return exists
    ? `Secret ${name} has no key ${key} (${field}); add the key with ${content}`
    : `Secret ${name} does not exist (${field}); create it with ${content} under key ${key}`;
}
