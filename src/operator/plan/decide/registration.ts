import type { RegistrationEntry } from '../facts/journal.ts';
import { codeTriedHash } from '../facts/journalHashes.ts';
import type { Observation } from '../facts/observed.ts';
import { registrationInputs } from '../facts/registrationInputs.ts';
import { met, unknown, unmet, type Verdict } from '../tell/conditions.ts';

export interface RegistrationInput {
  /** `registration.attempt` of the spec: each allows one code request. */
  readonly attempt: number;
  readonly entry: RegistrationEntry | undefined;
  /** What the stack reports; undefined while it does not. */
  readonly registered: boolean | undefined;
  readonly certificate: string | undefined;
  /** Hash of the code, if there is one. */
  readonly codeHash: string | undefined;
  /** Where the user puts the certificate: `Secret NAME, key KEY`. */
  readonly certificateSource: string;
  readonly codeSource: string;
  readonly nowMs: number;
}

export type RegistrationStep =
  | { readonly do: 'request-code' | 'verify' }
  | { readonly do: 'wait'; readonly verdict: Verdict<'Registered'>; readonly retryAfterMs?: number };

const wait = (verdict: Verdict<'Registered'>, retryAfterMs?: number): RegistrationStep => ({
  do: 'wait',
  verdict,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});
const AGAIN = 'raise spec.registration.attempt to request another code';

/**
 * The next step of a registration. The operator requests one code per attempt, tries each code once, and repeats no call
 * whose outcome is unknown: too many requests lock a number for hours.
 */
export function planRegistration(input: RegistrationInput): RegistrationStep {
  const { entry, attempt, registered, certificate, codeHash, nowMs } = input;
  if (registered === undefined)
    return wait(unknown('Registered', 'Unknown', 'the stack does not report yet whether it is registered'));
  if (registered) return wait(met('Registered', 'Registered', 'the number is registered'));

  if (!entry || entry.attempt < attempt) {
    if (certificate) return { do: 'request-code' };
    return wait(
      unmet(
        'Registered',
        'CertificateMissing',
        `put the verified-name certificate into ${input.certificateSource}`,
      ),
    );
  }
  const untried = codeHash !== undefined && codeHash !== entry.codeTried;
  const detail = entry.detail ? ` (${entry.detail})` : '';
  switch (entry.phase) {
    case 'refused': {
      if (entry.retryNotBeforeMs === undefined)
        return wait(
          unmet(
            'Registered',
            'Refused',
            `the stack refused the request for a code${detail}; correct the cause, then ${AGAIN}`,
          ),
        );
      const waitMs = entry.retryNotBeforeMs - nowMs;
      if (waitMs <= 0) return { do: 'request-code' };
      const until = new Date(entry.retryNotBeforeMs).toISOString();
      return wait(
        unmet('Registered', 'RetryLater', `the operator requests the next code at ${until}${detail}`),
        waitMs,
      );
    }
    case 'requesting':
      if (untried) return { do: 'verify' };
      return wait(
        unknown(
          'Registered',
          'OutcomeUnknown',
          `the stack did not answer the request for a code; if a code arrived, put it into ${input.codeSource}, otherwise ${AGAIN}`,
        ),
      );
    case 'code-requested':
      if (untried) return { do: 'verify' };
      if (codeHash === undefined)
        return wait(
          unmet(
            'Registered',
            'WaitingForCode',
            `the operator requested a code; put it into ${input.codeSource}`,
          ),
        );
      return wait(
        unmet(
          'Registered',
          'CodeRefused',
          `the stack refused the code in ${input.codeSource}${detail}; correct it, or ${AGAIN}`,
        ),
      );
    case 'verifying':
      if (untried) return { do: 'verify' };
      return wait(
        unknown(
          'Registered',
          'OutcomeUnknown',
          `the stack did not answer the call with the code; if the number does not connect, ${AGAIN}`,
        ),
      );
    case 'registered':
      return wait(
        unmet(
          'Registered',
          'RegistrationLost',
          `the stack is no longer registered (it was registered at ${entry.registeredAt}); if the number belongs here, ${AGAIN}`,
        ),
      );
  }
}

/** The next step of an observed stack, and the hash of the code that it would try. */
export function registrationStep(
  observed: Observation,
  registered: boolean | undefined,
  nowMs: number,
): { readonly step: RegistrationStep; readonly codeHash: string | undefined } {
  const { certificate, code } = registrationInputs(observed);
  const { attempt } = observed.resource.spec.registration;
  const codeHash = code.value === undefined ? undefined : codeTriedHash(attempt, code.value);
  const step = planRegistration({
    attempt,
    entry: observed.journal?.registration,
    registered,
    certificate: certificate.value,
    codeHash,
    certificateSource: certificate.source,
    codeSource: code.source,
    nowMs,
  });
  return { step, codeHash };
}
