import { names } from './names.ts';
import type { Observation } from './observed.ts';
import { secretValue } from './secrets.ts';

/** A value, undefined while it is missing or blank, and where the user puts it: `Secret shop-registration, key code`. */
interface Input {
  readonly value: string | undefined;
  readonly source: string;
}

/** The values for a registration, from Secrets that the resource refers to or that the operator generated. */
export interface RegistrationInputs {
  /** Verified-name certificate. */
  readonly certificate: Input;
  readonly code: Input;
  /** Two-step PIN. */
  readonly pin: string | undefined;
}

export function registrationInputs(observed: Observation): RegistrationInputs {
  const { resource, children } = observed;
  const { registration, twoStep } = resource.spec;
  const generated = names(resource.metadata.name).registrationSecret;
  const isGenerated = children.has(`Secret/${generated}`);
  const input = (key: 'certificate' | 'code'): Input => {
    const declared = registration[`${key}SecretRef`];
    const place = declared ?? (isGenerated ? { name: generated, key } : undefined);
    const value = place && secretValue(observed, place);
    return {
      value: value?.trim() ? value : undefined,
      source: place
        ? `Secret ${place.name}, key ${place.key}`
        : `a Secret, and name it in spec.registration.${key}SecretRef`,
    };
  };
  const pinReference = registration.pinSecretRef ?? twoStep?.pinSecretRef;
  return {
    certificate: input('certificate'),
    code: input('code'),
    pin: pinReference && secretValue(observed, pinReference)?.trim(),
  };
}
