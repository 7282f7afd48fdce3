import { EMPTY_JOURNAL, type RegistrationEntry } from '../facts/journal.ts';
import { codeTriedHash } from '../facts/journalHashes.ts';
import { isServing, type Observation } from '../facts/observed.ts';
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
  /** What is wrong with a value that a call would need; the stack would refuse it, and count the attempt. */
  readonly problems?: {
    readonly certificate?: string | undefined;
    readonly code?: string | undefined;
    readonly pin?: { readonly problem: string; readonly reason: 'SecretMissing' | 'PinRefused' } | undefined;
  };
  /** Why no call is made now: a restart of Coreapps would fall into it. */
  readonly restarting?: string | undefined;
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
/** How long the nodes may take to report a registration that the stack has confirmed. */
const REPORTED_WITHIN_MS = 30_000;
const AGAIN = 'raise spec.registration.attempt to request another code';

/**
 * The next step of a registration. The operator requests one code per attempt, tries each code once, and repeats no call
 * whose outcome is unknown: too many requests lock a number for hours.
 */
export function planRegistration(input: RegistrationInput): RegistrationStep {
  const step = nextStep(input);
  if (step.do === 'wait') return step;
  const { certificate, code, pin } = input.problems ?? {};
  const refused = (problem: string) => wait(unmet('Registered', 'SecretRefused', problem));
  if (step.do === 'request-code') {
    if (certificate !== undefined) return refused(certificate);
    if (pin) return wait(unmet('Registered', pin.reason, pin.problem));
  } else if (code !== undefined) return refused(code);
  if (input.restarting === undefined) return step;
  return wait(unmet('Registered', 'RestartingCoreapps', input.restarting));
}

function nextStep(input: RegistrationInput): RegistrationStep {
  const { entry, attempt, registered, certificate, codeHash, nowMs } = input;
  if (registered === undefined)
    return wait(unknown('Registered', 'Unknown', 'the stack does not report yet whether it is registered'));
  if (registered) return wait(met('Registered', 'Registered', 'the number is registered'));

  if (!entry || entry.attempt < attempt) {
    if (certificate || input.problems?.certificate) return { do: 'request-code' };
    return wait(
      unmet(
        'Registered',
        'CertificateMissing',
        `put the verified-name certificate into ${input.certificateSource}`,
      ),
    );
  }
  // A code of the wrong form is untried too: the check before the call says what is wrong with it.
  const untried =
    (codeHash !== undefined && codeHash !== entry.codeTried) || input.problems?.code !== undefined;
  const later = repeatLater(entry, nowMs);
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
      return later ?? { do: 'request-code' };
    }
    case 'requesting':
      if (untried) return { do: 'verify' };
      if (entry.retryNotBeforeMs !== undefined) return later ?? { do: 'request-code' };
      return wait(
        unknown(
          'Registered',
          'OutcomeUnknown',
          `the stack did not answer the request for a code; if a code arrived, put it into ${input.codeSource}, otherwise ${AGAIN}`,
        ),
      );
    case 'code-requested':
      if (untried) return later ?? { do: 'verify' };
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
      if (entry.confirmedAtMs !== undefined && Math.abs(nowMs - entry.confirmedAtMs) < REPORTED_WITHIN_MS)
        return wait(met('Registered', 'Registered', 'the number was registered just now'));
      return wait(
        unmet(
          'Registered',
          'RegistrationLost',
          `the stack is no longer registered (it was registered at ${entry.registeredAt ?? 'a time that the operator does not know'}); if the number belongs here, ${AGAIN}`,
        ),
      );
  }
}

/** The wait until a call is repeated; undefined once it is due. */
function repeatLater(entry: RegistrationEntry, nowMs: number): RegistrationStep | undefined {
  const waitMs = (entry.retryNotBeforeMs ?? nowMs) - nowMs;
  if (waitMs <= 0) return undefined;
  const until = new Date(nowMs + waitMs).toISOString();
  const what = entry.phase === 'code-requested' ? 'sends the code again' : 'requests the next code';
  const detail = entry.detail ? ` (${entry.detail})` : '';
  return wait(unmet('Registered', 'RetryLater', `the operator ${what} at ${until}${detail}`), waitMs);
}

/** Why a registration waits: it is carried out by the nodes that restart. */
function restarting({ pods, journal = EMPTY_JOURNAL }: Observation): string | undefined {
  const nodes = pods.filter(({ component }) => component === 'coreapp' || component === 'master');
  const wanted = String(journal.coreappRestarts);
  const due = nodes.filter(
    ({ component, restarts, terminating }) =>
      component === 'coreapp' && !terminating && journal.coreappRestarts > 0 && restarts !== wanted,
  );
  const { isActive = false, isStopped = false } = journal.rollout ?? {};
  const rolling =
    isActive && !isStopped ? nodes.filter(({ ready, terminating }) => !ready || terminating) : [];
  const first = [...due, ...rolling].map(({ name }) => name);
  if (first.length > 0)
    return `the number is registered when the Coreapps have restarted; still to restart: ${[...new Set(first)].join(', ')}`;
  return nodes.length === 0 || nodes.some((pod) => isServing(pod, 'coreapp'))
    ? undefined
    : 'the number is registered when a Coreapp is ready';
}

/** The next step of an observed stack, and the hash of the code that it would try. */
export function registrationStep(
  observed: Observation,
  registered: boolean | undefined,
  nowMs: number,
  /** Secrets whose content the observer may not read: nothing is said against it. */
  hidden: ReadonlySet<string> = new Set(),
): { readonly step: RegistrationStep; readonly codeHash: string | undefined } {
  const { certificate, code, pin } = registrationInputs(observed);
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
    problems: {
      certificate: certificate.problem,
      code: code.problem,
      pin:
        pin?.problem === undefined || hidden.has(pin.secret)
          ? undefined
          : { problem: pin.problem, reason: pin.reason ?? 'PinRefused' },
    },
    restarting: restarting(observed),
    nowMs,
  });
  return { step, codeHash };
}
