import { names } from '../plan/facts/names.ts';
import type { ApplicationPass, PartResult } from './pass.ts';
import { secretValue } from './pass.ts';
import { register } from './register.ts';

/** What the registration is made with, and how far it is. */
export interface Registration {
  readonly result: PartResult<'Registered'>;
  readonly certificate: string | undefined;
  readonly certificateSource: string;
  readonly pin: string | undefined;
}

/** Takes the next step of the registration, with what the Secrets hold. */
export async function registerNumber(
  pass: ApplicationPass,
  registered: boolean | undefined,
): Promise<Registration> {
  const { observed, journals, asAdmin, nowMs, signal } = pass;
  const { resource, children } = observed;
  const { registration, twoStep } = resource.spec;
  const own = names(resource.metadata.name).registrationSecret;
  const isGenerated = children.has(`Secret/${own}`);
  const from = (reference: { name: string; key: string } | undefined, key: string) => {
    const place = reference ?? (isGenerated ? { name: own, key } : undefined);
    return {
      value: place && secretValue(observed, place),
      source: place
        ? `Secret ${place.name}, key ${place.key}`
        : `a Secret named by spec.registration.${key}SecretRef`,
    };
  };
  const certificate = from(registration.certificateSecretRef, 'certificate');
  const code = from(registration.codeSecretRef, 'code');
  const pinReference = registration.pinSecretRef ?? twoStep?.pinSecretRef;
  const pin = pinReference && secretValue(observed, pinReference)?.trim();
  const result = await register(
    {
      resource,
      journals,
      registered,
      certificate: certificate.value,
      code: code.value,
      pin,
      certificateSource: certificate.source,
      codeSource: code.source,
      nowMs,
      asAdmin,
    },
    signal,
  );
  return { result, certificate: certificate.value, certificateSource: certificate.source, pin };
}
