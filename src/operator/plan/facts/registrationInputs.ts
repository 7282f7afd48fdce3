import { CLOUD_KEYS } from './generatedSecrets.ts';
import { names } from './names.ts';
import type { Observation } from './observed.ts';
import { secretLine, secretValue } from './secrets.ts';

/** A value that can be sent, and where the user puts it: `Secret shop-registration, key code`. */
interface Input {
  /** Undefined while it is missing, blank or not usable. */
  readonly value: string | undefined;
  readonly source: string;
  /** Why the value in the Secret cannot be sent; undefined if there is none yet. */
  readonly problem?: string | undefined;
}

interface PinInput extends Input {
  /** Name of the Secret. */
  readonly secret: string;
  readonly reason?: 'SecretMissing' | 'PinRefused';
}

/** The values for a registration, from Secrets that the resource refers to or that the operator generated. */
export interface RegistrationInputs {
  /** Verified-name certificate. */
  readonly certificate: Input;
  readonly code: Input;
  /** Two-step PIN; undefined if the resource names none. */
  readonly pin: PinInput | undefined;
}

/** What the stack would refuse, and what that would cost: each request of a code counts. */
const FORMS = {
  certificate: {
    form: /^[A-Za-z0-9+/_-]+={0,2}$/,
    text: 'base64 text in one line, as WhatsApp Manager shows it',
  },
  code: { form: /^\d{3}-?\d{3}$/, text: 'six digits, with or without a dash in the middle' },
} as const;

export function registrationInputs(observed: Observation): RegistrationInputs {
  const { resource, children } = observed;
  const { registration } = resource.spec;
  const generated = names(resource.metadata.name).registrationSecret;
  // A stack that was an emulator before keeps the Secret, whose code no person gave.
  const isGenerated = resource.spec.stack !== 'Cloud' && children.has(`Secret/${generated}`);
  const ownPlace = (key: keyof typeof FORMS) => {
    if (isGenerated) return { name: generated, key };
    // The Cloud API needs no certificate, and a code comes from a person.
    const isOfCloud = resource.spec.stack === 'Cloud' && key === 'certificate';
    return isOfCloud
      ? { name: names(resource.metadata.name).cloudSecret, key: CLOUD_KEYS.certificate }
      : undefined;
  };
  const input = (key: keyof typeof FORMS): Input => {
    const place = registration[`${key}SecretRef`] ?? ownPlace(key);
    if (!place)
      return { value: undefined, source: `a Secret, and name it in spec.registration.${key}SecretRef` };
    const source = `Secret ${place.name}, key ${place.key}`;
    const value = secretValue(observed, place)?.trim();
    if (!value) return { value: undefined, source };
    const { form, text } = FORMS[key];
    if (form.test(value)) return { value, source };
    return { value: undefined, source, problem: `the ${key} in ${source} must be ${text}` };
  };
  return { certificate: input('certificate'), code: input('code'), pin: pinInput(observed) };
}

/** The PIN goes with the request for a code, so a PIN that cannot be right would cost an attempt. */
function pinInput(observed: Observation): PinInput | undefined {
  const { registration, twoStep } = observed.resource.spec;
  const reference = registration.pinSecretRef ?? twoStep?.pinSecretRef;
  if (!reference) return undefined;
  const field = registration.pinSecretRef ? 'spec.registration.pinSecretRef' : 'spec.twoStep.pinSecretRef';
  const source = `Secret ${reference.name}, key ${reference.key}`;
  const { name: secret } = reference;
  const use = { reference, field, content: 'the two-step PIN' };
  const found = secretLine(observed, use);
  const { value } = found;
  if (value !== undefined && /^\d{6}$/.test(value.trim())) return { value: value.trim(), source, secret };
  if (found.reason === 'SecretMissing')
    return { value: undefined, source, secret, problem: found.problem, reason: 'SecretMissing' };
  const problem = `the PIN in ${source} (${field}) must have six digits`;
  return { value: undefined, source, secret, problem, reason: 'PinRefused' };
}
