import { describeError } from '../../base/codedError.ts';
import { StackError } from '../../client/stackError.ts';
import { splitNumber, waitFromDetails } from '../../onprem/account.ts';
import { registrationStep } from '../plan/decide/registration.ts';
import type { RegistrationEntry } from '../plan/facts/journal.ts';
import { type RegistrationInputs, registrationInputs } from '../plan/facts/registrationInputs.ts';
import { met, unknown, unmet } from '../plan/tell/conditions.ts';
import { type ApplicationPass, journalOf, type PartResult, updateJournal } from './pass.ts';

type StepResult = PartResult<'Registered'>;

/** The stack's answer to a code when this installation never requested one: no code is on its way. */
const NEVER_REQUESTED = 'Request a code first';
/** The wait after an answer that says the same call may succeed soon. */
const RETRY_AFTER_MS = 2_000;

/**
 * Takes the next step of the registration. The journal is written before each call that must not be repeated.
 * @param registered whether the number is registered; undefined while no node reports it
 */
export async function takeRegistrationStep(
  pass: ApplicationPass,
  registered: boolean | undefined,
): Promise<StepResult> {
  const { observed, nowMs } = pass;
  const inputs = registrationInputs(observed);
  const entry = journalOf(pass).registration;
  const { step, codeHash } = registrationStep({ ...observed, journal: journalOf(pass) }, registered, nowMs);
  if (step.do !== 'wait')
    return step.do === 'request-code' ? requestCode(pass, inputs) : verify(pass, inputs, codeHash ?? '');
  // Another client may have registered the number, so the journal catches up.
  if (registered && entry?.phase !== 'registered') await recordRegistered(pass, entry);
  return { verdict: step.verdict, retryAfterMs: step.retryAfterMs };
}

async function requestCode(pass: ApplicationPass, inputs: RegistrationInputs): Promise<StepResult> {
  const { observed, asAdmin, signal } = pass;
  const { attempt, method } = observed.resource.spec.registration;
  const { cc, phoneNumber } = splitNumber(observed.resource.spec.phoneNumber);
  const { certificate, code, pin } = inputs;
  const request = {
    cc,
    phone_number: phoneNumber,
    method: method === 'SMS' ? ('sms' as const) : ('voice' as const),
    cert: certificate.value?.trim() ?? '',
    ...(pin ? { pin } : {}),
  };
  await logInFirst(pass);
  await record(pass, { attempt, phase: 'requesting' });
  try {
    const answer = await asAdmin((client, session) => client.account.requestCode(session, request, signal));
    if (answer.outcome === 'already-registered') {
      await recordRegistered(pass, { attempt, phase: 'requesting' });
      return {
        verdict: met('Registered', 'Registered', 'this installation had registered the number before'),
      };
    }
    await record(pass, { attempt, phase: 'code-requested', verifiedName: answer.vname });
    const message = `the operator requested a code for ${answer.vname}; put it into ${code.source}`;
    return { verdict: unmet('Registered', 'WaitingForCode', message), retryAfterMs: 0 };
  } catch (error) {
    if (isRefusal(error)) return requestRefused(pass, error);
    const message = `the stack did not answer the request for a code: ${describeError(error)}`;
    return { verdict: unknown('Registered', 'OutcomeUnknown', message) };
  }
}

/** The stack sent no code. */
async function requestRefused(pass: ApplicationPass, error: StackError): Promise<StepResult> {
  const { attempt } = pass.observed.resource.spec.registration;
  const waitMs = error.retriable ? RETRY_AFTER_MS : waitFromDetails(error.details);
  await record(pass, {
    attempt,
    phase: 'refused',
    detail: error.details ?? error.message,
    ...(waitMs === undefined ? {} : { retryNotBeforeMs: pass.nowMs + waitMs }),
  });
  const message = `the stack refused the request for a code: ${error.message}`;
  return { verdict: unmet('Registered', 'Refused', message), retryAfterMs: waitMs };
}

async function verify(
  pass: ApplicationPass,
  { code }: RegistrationInputs,
  codeHash: string,
): Promise<StepResult> {
  const { observed, asAdmin, signal } = pass;
  const { attempt } = observed.resource.spec.registration;
  const verifiedName = journalOf(pass).registration?.verifiedName;
  const kept = verifiedName === undefined ? {} : { verifiedName };
  const verifying: RegistrationEntry = { attempt, phase: 'verifying', codeTried: codeHash, ...kept };
  await logInFirst(pass);
  await record(pass, verifying);
  try {
    await asAdmin((client, session) => client.account.verify(session, code.value?.trim() ?? '', signal));
    await recordRegistered(pass, verifying);
    return {
      verdict: met('Registered', 'Registered', 'the number was registered just now'),
      retryAfterMs: 0,
    };
  } catch (error) {
    if (isRefusal(error)) return codeRefused(pass, error, verifying);
    const message = `the stack did not answer the call with the code: ${describeError(error)}`;
    return { verdict: unknown('Registered', 'OutcomeUnknown', message) };
  }
}

async function codeRefused(
  pass: ApplicationPass,
  error: StackError,
  verifying: RegistrationEntry,
): Promise<StepResult> {
  const { codeTried, ...entry } = verifying;
  const detail = error.details ?? error.message;
  if (detail === NEVER_REQUESTED) {
    // The request of this attempt never reached the stack, so the operator may repeat it.
    await record(pass, {
      attempt: entry.attempt,
      phase: 'refused',
      detail: 'the request for a code did not reach the stack',
      retryNotBeforeMs: pass.nowMs,
    });
    const message = 'the request for a code did not reach the stack; the operator sends it again';
    return { verdict: unmet('Registered', 'Retrying', message), retryAfterMs: 0 };
  }
  // After a temporary refusal, the stack has not tried the code.
  await record(
    pass,
    error.retriable
      ? { ...entry, phase: 'code-requested' }
      : { ...entry, phase: 'code-requested', codeTried, detail },
  );
  return {
    verdict: unmet('Registered', 'CodeRefused', `the stack refused the code: ${detail}`),
    retryAfterMs: error.retriable ? RETRY_AFTER_MS : undefined,
  };
}

/** A refusal has a known outcome; without an answer, or with that of a proxy, the outcome is unknown. */
const isRefusal = (error: unknown): error is StackError =>
  error instanceof StackError && error.apiCode !== undefined;

/** A login that fails between the journal write and the call would needlessly leave the outcome unknown. */
const logInFirst = ({ asAdmin }: ApplicationPass): Promise<void> => asAdmin(async () => {});

const record = async (pass: ApplicationPass, registration: RegistrationEntry): Promise<void> =>
  void (await updateJournal(pass, (journal) => ({ ...journal, registration })));

const recordRegistered = (pass: ApplicationPass, entry: RegistrationEntry | undefined): Promise<void> =>
  record(pass, {
    ...entry,
    attempt: Math.max(entry?.attempt ?? 0, pass.observed.resource.spec.registration.attempt),
    phase: 'registered',
    registeredAt: entry?.registeredAt ?? new Date(pass.nowMs).toISOString(),
  });
