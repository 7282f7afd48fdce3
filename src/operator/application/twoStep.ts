import { CodedError } from '../../base/codedError.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import type { Difference } from './differences.ts';
import { type ApplicationPass, journalOf, secretValue, updateJournal } from './pass.ts';

/** Two-step verification. There is no call that reads it, so that the journal tells which PIN was set. */
export async function twoStepDifferences(pass: ApplicationPass): Promise<Difference[]> {
  const { asAdmin, signal, observed } = pass;
  const reference = observed.resource.spec.twoStep?.pinSecretRef;
  const known = journalOf(pass).twoStepPin;
  const set = (pin: string | undefined, hash: string | undefined): Difference => ({
    fields: ['twoStep'],
    repair: async () => {
      await asAdmin((client, session) => client.account.setTwoStep(session, pin, signal));
      await updateJournal(pass, ({ twoStepPin: _, ...journal }) =>
        hash === undefined ? journal : { ...journal, twoStepPin: hash },
      );
    },
  });
  if (!reference) return known === undefined ? [] : [set(undefined, undefined)];
  const pin = pinOf(observed, reference);
  const hash = hashOf(`two-step/${pin}`);
  return hash === known ? [] : [set(pin, hash)];
}

/** @throws CodedError `SecretMissing`, `PinRefused` */
function pinOf(
  observed: ApplicationPass['observed'],
  reference: { readonly name: string; readonly key: string },
): string {
  const pin = secretValue(observed, reference)?.trim();
  if (pin === undefined)
    throw new CodedError(
      'SecretMissing',
      `Secret ${reference.name} has no key ${reference.key}; put the PIN there`,
    );
  if (!/^\d{6}$/.test(pin))
    throw new CodedError(
      'PinRefused',
      `the PIN in Secret ${reference.name}, key ${reference.key} must be six digits`,
    );
  return pin;
}
