import { CodedError, describeError } from '../../base/codedError.ts';
import { StackError, StackUnreachable } from '../../client/stackError.ts';
import { splitNumber, waitFromDetails } from '../../onprem/account.ts';
import { registrationStep } from '../plan/decide/registration.ts';
import { retryDelayMs } from '../plan/decide/retryDelay.ts';
import type { RegistrationEntry } from '../plan/facts/journal.ts';
import { type RegistrationInputs, registrationInputs } from '../plan/facts/registrationInputs.ts';
import { met, unknown, unmet } from '../plan/tell/conditions.ts';
import { type ApplicationPass, journalOf, type PartResult, updateJournal } from './pass.ts';

type StepResult = PartResult<'Registered'>;

/** The stack's answer to a code when this installation never requested one: no code is on its way. */
const NEVER_REQUESTED = 'Request a code first';
/**
 * Codes after which the stack may have carried out the call: internal errors, among them a Coreapp that restarts, a
 * network that is not there, and a database that failed after the network answered. Source: docs/onprem/api-admin.md §17.
 */
const UNCERTAIN: readonly number[] = [1000, 1014, 1023];

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
  if (registered && entry?.phase !== 'registered') await recordRegistered(pass, entry, sentAt(entry));
  return { verdict: step.verdict, retryAfterMs: step.retryAfterMs };
}

/** When the number was registered, if the operator sent the code; unknown if another client registered it. */
const sentAt = (entry: RegistrationEntry | undefined): string | undefined =>
  entry?.triedAtMs === undefined ? undefined : new Date(entry.triedAtMs).toISOString();

async function requestCode(pass: ApplicationPass, inputs: RegistrationInputs): Promise<StepResult> {
  const { observed, asAdmin, signal } = pass;
  const { attempt, method } = observed.resource.spec.registration;
  const { cc, phoneNumber } = splitNumber(observed.resource.spec.phoneNumber);
  const { certificate, code, pin } = inputs;
  const request = {
    cc,
    phone_number: phoneNumber,
    method: method === 'SMS' ? ('sms' as const) : ('voice' as const),
    cert: certificate.value ?? '',
    ...(pin?.value ? { pin: pin.value } : {}),
  };
  await logInFirst(pass);
  const before = journalOf(pass).registration;
  const failures = before?.attempt === attempt ? before.failures : undefined;
  const requesting: RegistrationEntry = { attempt, phase: 'requesting', ...(failures ? { failures } : {}) };
  await record(pass, requesting);
  const called = await outcomeOf(pass, () =>
    asAdmin((client, session) => client.account.requestCode(session, request, signal)),
  );
  if (called.is === 'answered' && called.answer.outcome === 'already-registered') {
    await recordRegistered(pass, requesting, before?.registeredAt, pass.nowMs);
    return { verdict: met('Registered', 'Registered', 'this installation had registered the number before') };
  }
  if (called.is === 'answered') {
    const vname = 'vname' in called.answer ? called.answer.vname : '';
    await recordOutcome(pass, { attempt, phase: 'code-requested', verifiedName: vname });
    const asked = `the operator requested a code for ${vname}`;
    const verdict =
      code.value === undefined
        ? unmet('Registered', 'WaitingForCode', `${asked}; put it into ${code.source}`)
        : unmet('Registered', 'CodeRequested', `${asked}, and tries the one in ${code.source}`);
    return { verdict, retryAfterMs: 0 };
  }
  if (called.is === 'unknown') {
    const message = `the stack did not answer the request for a code: ${called.detail}`;
    return { verdict: unknown('Registered', 'OutcomeUnknown', message) };
  }
  if (called.is === 'failed') {
    // The stack may have passed an uncertain request on, so a code that arrives is tried.
    const phase = called.outcome === 'uncertain' ? 'requesting' : 'refused';
    return repeatLater(pass, { ...requesting, phase }, called);
  }
  return requestRefused(pass, called.error, inputs);
}

/** The stack sent no code. */
async function requestRefused(
  pass: ApplicationPass,
  error: StackError,
  { certificate, pin }: RegistrationInputs,
): Promise<StepResult> {
  const { attempt } = pass.observed.resource.spec.registration;
  const waitMs = waitFromDetails(error.details);
  const detail = `${error.details ?? error.message}${aboutPin(error, pin)}`;
  await recordOutcome(pass, {
    attempt,
    phase: 'refused',
    detail,
    ...(waitMs === undefined ? {} : { retryNotBeforeMs: pass.nowMs + waitMs }),
  });
  const message = `the stack refused the request for a code with the certificate in ${certificate.source}: ${detail}`;
  return { verdict: unmet('Registered', 'Refused', message), retryAfterMs: waitMs };
}

/** The stack answers a wrong PIN and a missing one in prose. */
function aboutPin({ details = '' }: StackError, pin: RegistrationInputs['pin']): string {
  if (!/(^|[^a-z])pin([^a-z]|$)|two.?step/i.test(details)) return '';
  return pin
    ? `; the PIN in ${pin.source}, is wrong`
    : '; two-step verification is on: put the PIN into a Secret and name it in spec.registration.pinSecretRef';
}

async function verify(
  pass: ApplicationPass,
  { code }: RegistrationInputs,
  codeHash: string,
): Promise<StepResult> {
  const { observed, asAdmin, signal, nowMs } = pass;
  const { attempt } = observed.resource.spec.registration;
  await logInFirst(pass);
  const { verifiedName, failures, retryNotBeforeMs, phase } = journalOf(pass).registration ?? {};
  const kept = {
    ...(verifiedName === undefined ? {} : { verifiedName }),
    ...(failures === undefined ? {} : { failures }),
  };
  // A request of unknown outcome is repeated at this time, if the code turns out not to be of that request.
  const repeat = phase === 'requesting' && retryNotBeforeMs !== undefined ? { retryNotBeforeMs } : {};
  const verifying: RegistrationEntry = {
    attempt,
    phase: 'verifying',
    codeTried: codeHash,
    triedAtMs: nowMs,
    ...kept,
    ...repeat,
  };
  await record(pass, verifying);
  const called = await outcomeOf(pass, () =>
    asAdmin((client, session) => client.account.verify(session, code.value ?? '', signal)),
  );
  if (called.is === 'answered') {
    await recordRegistered(pass, verifying, sentAt(verifying), nowMs);
    return {
      verdict: met('Registered', 'Registered', 'the number was registered just now'),
      retryAfterMs: 0,
    };
  }
  if (called.is === 'unknown') {
    const message = `the stack did not answer the call with the code: ${called.detail}`;
    return { verdict: unknown('Registered', 'OutcomeUnknown', message) };
  }
  if (called.is === 'failed') {
    const { codeTried: _, triedAtMs, retryNotBeforeMs: __, ...entry } = verifying;
    const sent = called.outcome === 'uncertain' && triedAtMs !== undefined ? { triedAtMs } : {};
    return repeatLater(pass, { ...entry, ...sent, phase: 'code-requested' }, called);
  }
  return codeRefused(pass, called.error, verifying, code.source);
}

async function codeRefused(
  pass: ApplicationPass,
  error: StackError,
  verifying: RegistrationEntry,
  source: string,
): Promise<StepResult> {
  const { triedAtMs: _, ...entry } = verifying;
  const detail = error.details ?? error.message;
  const { attempt, failures, retryNotBeforeMs, codeTried } = entry;
  if (detail === NEVER_REQUESTED) {
    // The request of this attempt never reached the stack, so the operator may repeat it.
    const repeatAtMs = retryNotBeforeMs ?? pass.nowMs;
    await recordOutcome(pass, {
      attempt,
      phase: 'refused',
      detail: 'the request for a code did not reach the stack',
      retryNotBeforeMs: repeatAtMs,
      ...(failures === undefined ? {} : { failures }),
    });
    const message = 'the request for a code did not reach the stack; the operator sends it again';
    return { verdict: unmet('Registered', 'Retrying', message), retryAfterMs: repeatAtMs - pass.nowMs };
  }
  const phase = retryNotBeforeMs === undefined ? 'code-requested' : 'requesting';
  await recordOutcome(pass, { ...entry, phase, ...(codeTried ? { codeTried } : {}), detail });
  return {
    verdict: unmet('Registered', 'CodeRefused', `the stack refused the code in ${source}: ${detail}`),
    retryAfterMs: retryNotBeforeMs === undefined ? undefined : Math.max(0, retryNotBeforeMs - pass.nowMs),
  };
}

/** Records a call that failed for now, and when it is repeated. */
async function repeatLater(
  pass: ApplicationPass,
  entry: RegistrationEntry,
  { outcome, detail }: Failed,
): Promise<StepResult> {
  const failures = (entry.failures ?? 0) + 1;
  const retryNotBeforeMs = pass.nowMs + retryDelayMs(failures, outcome);
  await recordOutcome(pass, { ...entry, failures, detail, retryNotBeforeMs });
  const at = new Date(retryNotBeforeMs).toISOString();
  const message = `the operator repeats the call at ${at}: ${detail}`;
  return {
    verdict: unmet('Registered', 'RetryLater', message),
    retryAfterMs: retryNotBeforeMs - pass.nowMs,
  };
}

interface Failed {
  readonly is: 'failed';
  readonly outcome: 'undone' | 'uncertain';
  readonly detail: string;
}
type Outcome<T> =
  | { readonly is: 'answered'; readonly answer: T }
  | { readonly is: 'refused'; readonly error: StackError }
  | Failed
  /** Nobody knows whether the stack carried it out, and no answer says that it may be repeated. */
  | { readonly is: 'unknown'; readonly detail: string };

/** What is known after a call that must not be repeated blindly. @throws errors from before the call, e.g. `NotLeader` */
async function outcomeOf<T>({ signal }: ApplicationPass, call: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { is: 'answered', answer: await call() };
  } catch (error) {
    if (signal.aborted) throw error;
    const detail = describeError(error);
    if (error instanceof StackUnreachable)
      return error.mayHaveArrived ? { is: 'unknown', detail } : { is: 'failed', outcome: 'undone', detail };
    if (error instanceof StackError) {
      const { apiCode, status, retriable } = error;
      if (apiCode !== undefined && UNCERTAIN.includes(apiCode))
        return { is: 'failed', outcome: 'uncertain', detail };
      if ((apiCode !== undefined && retriable) || status === 401 || status === 429)
        return { is: 'failed', outcome: 'undone', detail };
      // Without a code it is the answer of a proxy.
      return apiCode === undefined ? { is: 'unknown', detail } : { is: 'refused', error };
    }
    if (error instanceof CodedError && error.code === 'BadAnswer') return { is: 'unknown', detail };
    // The fence kept the request back.
    return { is: 'failed', outcome: 'undone', detail };
  }
}

/** A login that fails between the journal write and the call would needlessly leave the outcome unknown. */
const logInFirst = ({ asAdmin }: ApplicationPass): Promise<void> => asAdmin(async () => {});

const record = async (pass: ApplicationPass, registration: RegistrationEntry): Promise<void> =>
  void (await updateJournal(pass, (journal) => ({ ...journal, registration })));

const WRITES = 5;

/** Records what a call led to. Unlike before a call, a journal that was written meanwhile is no reason to stop. */
async function recordOutcome(pass: ApplicationPass, entry: RegistrationEntry): Promise<void> {
  const { journals, observed, signal } = pass;
  for (let left = WRITES; ; left--)
    try {
      return await record(pass, entry);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'Conflict' || left === 1) throw error;
      await journals.refresh(observed.resource, signal);
    }
}

function recordRegistered(
  pass: ApplicationPass,
  entry: RegistrationEntry | undefined,
  registeredAt: string | undefined,
  confirmedAtMs?: number,
): Promise<void> {
  const { verifiedName, codeTried } = entry ?? {};
  return recordOutcome(pass, {
    attempt: Math.max(entry?.attempt ?? 0, pass.observed.resource.spec.registration.attempt),
    phase: 'registered',
    ...(verifiedName === undefined ? {} : { verifiedName }),
    ...(codeTried === undefined ? {} : { codeTried }),
    ...(registeredAt === undefined ? {} : { registeredAt }),
    ...(confirmedAtMs === undefined ? {} : { confirmedAtMs }),
  });
}
