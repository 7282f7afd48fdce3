import { pinHash } from '../plan/facts/journalHashes.ts';
import { ApplicationError } from './applicationError.ts';
import type { Difference } from './differences.ts';
import { type ApplicationPass, journalOf, updateJournal } from './pass.ts';
import { requiredSecretLine } from './requiredSecret.ts';

/** Two-step verification. The API has no call that reads the PIN, so the journal keeps a hash of the one that was set. */
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
  const hash = pinHash(pin);
  return hash === known ? [] : [set(pin, hash)];
}

/** @throws ApplicationError `SecretMissing`, `SecretRefused`, `PinRefused` */
function pinOf(
  observed: ApplicationPass['observed'],
  reference: { readonly name: string; readonly key: string },
): string {
  const field = 'spec.twoStep.pinSecretRef';
  const pin = requiredSecretLine(observed, { reference, field, content: 'the two-step PIN' }).trim();
  if (!/^\d{6}$/.test(pin))
    throw new ApplicationError(
      'PinRefused',
      `the PIN in Secret ${reference.name}, key ${reference.key} (${field}) must have six digits`,
    );
  return pin;
}
