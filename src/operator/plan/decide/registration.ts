import type { RegistrationEntry } from '../facts/journal.ts';
import { met, unknown, unmet, type Verdict } from '../tell/conditions.ts';

export interface RegistrationInput {
  /** `registration.attempt` of the spec: each allows one code request. */
  readonly attempt: number;
  readonly entry: RegistrationEntry | undefined;
  /** What the stack says; nothing while nobody can say. */
  readonly registered: boolean | undefined;
  readonly certificate: string | undefined;
  /** Hash of the code, where there is one. */
  readonly codeHash: string | undefined;
  /** Where people put what is missing. */
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
 * The next step of a registration. A code is requested once per attempt, a given code is tried once, and after an
 * unknown outcome nothing is sent by itself: too many requests lock a number for hours.
 */
export function planRegistration(input: RegistrationInput): RegistrationStep {
  const { entry, attempt, registered, certificate, codeHash, nowMs } = input;
  if (registered === undefined) return wait(unknown('Registered', 'Unknown', 'the stack does not say yet'));
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
          unmet('Registered', 'Refused', `the code request was refused${detail}; mend it, then ${AGAIN}`),
        );
      const waitMs = entry.retryNotBeforeMs - nowMs;
      if (waitMs <= 0) return { do: 'request-code' };
      const until = new Date(entry.retryNotBeforeMs).toISOString();
      return wait(
        unmet('Registered', 'RetryLater', `the next code may be requested at ${until}${detail}`),
        waitMs,
      );
    }
    case 'requesting':
      if (untried) return { do: 'verify' };
      return wait(
        unknown(
          'Registered',
          'OutcomeUnknown',
          `whether a code was sent is not known; if it arrived, put it into ${input.codeSource}, else ${AGAIN}`,
        ),
      );
    case 'code-requested':
      if (untried) return { do: 'verify' };
      if (codeHash === undefined)
        return wait(
          unmet('Registered', 'WaitingForCode', `a code was requested; put it into ${input.codeSource}`),
        );
      return wait(
        unmet(
          'Registered',
          'CodeRefused',
          `the code in ${input.codeSource} was refused${detail}; correct it, or ${AGAIN}`,
        ),
      );
    case 'verifying':
      if (untried) return { do: 'verify' };
      return wait(
        unknown(
          'Registered',
          'OutcomeUnknown',
          `whether the code was accepted is not known; if the number does not connect, ${AGAIN}`,
        ),
      );
    case 'registered':
      return wait(
        unmet(
          'Registered',
          'RegistrationLost',
          `the stack says it is not registered, though it was at ${entry.registeredAt}; if it is meant to be here, ${AGAIN}`,
        ),
      );
  }
}
