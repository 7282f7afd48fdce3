import { createHash } from 'node:crypto';
import { describeError } from '../../base/codedError.ts';
import type { Session } from '../../client/calls.ts';
import type { StackClient } from '../../client/stackClient.ts';
import { StackError } from '../../client/stackError.ts';
import { splitNumber, waitFromDetails } from '../../onprem/account.ts';
import { planRegistration } from '../plan/decide/registration.ts';
import type { Journal, RegistrationEntry } from '../plan/facts/journal.ts';
import { met, unknown, unmet, type Verdict } from '../plan/tell/conditions.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { Journals } from '../state/journalStore.ts';

export interface RegisterContext {
  readonly resource: WhatsAppDeployment;
  readonly journals: Journals;
  readonly registered: boolean | undefined;
  readonly certificate: string | undefined;
  readonly code: string | undefined;
  readonly pin: string | undefined;
  readonly certificateSource: string;
  readonly codeSource: string;
  readonly nowMs: number;
  readonly asAdmin: <T>(calls: (client: StackClient, session: Session) => Promise<T>) => Promise<T>;
}

export interface RegisterResult {
  readonly verdict: Verdict<'Registered'>;
  readonly retryAfterMs?: number | undefined;
}

/** What the stack answers when no code was requested from this installation: then none is on its way. */
const NEVER_REQUESTED = 'Request a code first';

/** Takes the next step of a registration. The journal is written before each call that must not be repeated. */
export async function register(context: RegisterContext, signal: AbortSignal): Promise<RegisterResult> {
  const { resource, journals, registered, code } = context;
  const entry = journals.read(resource)?.registration;
  const { attempt } = resource.spec.registration;
  const codeHash = code === undefined ? undefined : hash(`${attempt}/${code}`);
  const step = planRegistration({ ...context, attempt, entry, codeHash });
  if (step.do === 'wait') {
    // Known to be registered, by whatever way: the journal is made to agree.
    if (registered && entry?.phase !== 'registered')
      await record(context, registeredEntry(context, entry), signal);
    return { verdict: step.verdict, retryAfterMs: step.retryAfterMs };
  }
  return step.do === 'request-code'
    ? requestCode(context, signal)
    : verify(context, entry, codeHash ?? '', signal);
}

async function requestCode(context: RegisterContext, signal: AbortSignal): Promise<RegisterResult> {
  const { resource, certificate = '', pin, asAdmin } = context;
  const { attempt, method } = resource.spec.registration;
  const { cc, phoneNumber } = splitNumber(resource.spec.phoneNumber);
  const request = {
    cc,
    phone_number: phoneNumber,
    method: method === 'SMS' ? ('sms' as const) : ('voice' as const),
    cert: certificate.trim(),
    ...(pin ? { pin } : {}),
  };
  // Log in first: only the call itself lies between the journal and its answer.
  await asAdmin(async () => {});
  await record(context, { attempt, phase: 'requesting' }, signal);
  try {
    const answer = await asAdmin((client, session) => client.account.requestCode(session, request, signal));
    if (answer.outcome === 'already-registered') {
      await record(context, registeredEntry(context, { attempt, phase: 'requesting' }), signal);
      return {
        verdict: met('Registered', 'Registered', 'the number was registered by this installation before'),
      };
    }
    await record(context, { attempt, phase: 'code-requested', verifiedName: answer.vname }, signal);
    return {
      verdict: unmet(
        'Registered',
        'WaitingForCode',
        `a code was requested for ${answer.vname}; put it into ${context.codeSource}`,
      ),
      retryAfterMs: 0,
    };
  } catch (error) {
    return refused(context, error, signal);
  }
}

/** A refusal is a known outcome: no code was sent. No answer is an unknown one, and stays in the journal. */
async function refused(
  context: RegisterContext,
  error: unknown,
  signal: AbortSignal,
): Promise<RegisterResult> {
  if (!(error instanceof StackError) || error.apiCode === undefined) {
    return {
      verdict: unknown(
        'Registered',
        'OutcomeUnknown',
        `whether a code was sent is not known: ${describeError(error)}`,
      ),
    };
  }
  const { attempt } = context.resource.spec.registration;
  const waitMs = error.retriable ? 2_000 : waitFromDetails(error.details);
  await record(
    context,
    {
      attempt,
      phase: 'refused',
      detail: error.details ?? error.message,
      ...(waitMs === undefined ? {} : { retryNotBeforeMs: context.nowMs + waitMs }),
    },
    signal,
  );
  return {
    verdict: unmet('Registered', 'Refused', `the code request was refused: ${error.message}`),
    retryAfterMs: waitMs,
  };
}

async function verify(
  context: RegisterContext,
  entry: RegistrationEntry | undefined,
  codeHash: string,
  signal: AbortSignal,
): Promise<RegisterResult> {
  const { resource, code = '', asAdmin } = context;
  const { attempt } = resource.spec.registration;
  const { verifiedName } = entry ?? {};
  const kept = verifiedName === undefined ? {} : { verifiedName };
  await asAdmin(async () => {});
  await record(context, { attempt, phase: 'verifying', codeTried: codeHash, ...kept }, signal);
  try {
    await asAdmin((client, session) => client.account.verify(session, code.trim(), signal));
    await record(
      context,
      registeredEntry(context, { attempt, phase: 'verifying', codeTried: codeHash, ...kept }),
      signal,
    );
    return {
      verdict: met('Registered', 'Registered', 'the number was registered just now'),
      retryAfterMs: 0,
    };
  } catch (error) {
    if (!(error instanceof StackError) || error.apiCode === undefined) {
      return {
        verdict: unknown(
          'Registered',
          'OutcomeUnknown',
          `whether the code was accepted is not known: ${describeError(error)}`,
        ),
      };
    }
    const detail = error.details ?? error.message;
    if (detail === NEVER_REQUESTED) {
      // Proof that the request of this attempt never arrived: it may be made again.
      await record(
        context,
        {
          attempt,
          phase: 'refused',
          detail: 'the code was never requested',
          retryNotBeforeMs: context.nowMs,
        },
        signal,
      );
      return {
        verdict: unmet('Registered', 'Retrying', 'the code request never arrived; asking again'),
        retryAfterMs: 0,
      };
    }
    // Not accepted because nobody could take it just now: the code was not tried.
    const next: RegistrationEntry = error.retriable
      ? { attempt, phase: 'code-requested', ...kept }
      : { attempt, phase: 'code-requested', codeTried: codeHash, detail, ...kept };
    await record(context, next, signal);
    return {
      verdict: unmet('Registered', 'CodeRefused', `the code was refused: ${detail}`),
      retryAfterMs: error.retriable ? 2_000 : undefined,
    };
  }
}

const registeredEntry = (
  { resource, nowMs }: RegisterContext,
  entry: RegistrationEntry | undefined,
): RegistrationEntry => ({
  ...entry,
  attempt: Math.max(entry?.attempt ?? 0, resource.spec.registration.attempt),
  phase: 'registered',
  registeredAt: entry?.registeredAt ?? new Date(nowMs).toISOString(),
});

async function record(
  { resource, journals }: RegisterContext,
  registration: RegistrationEntry,
  signal: AbortSignal,
): Promise<void> {
  await journals.update(resource, (journal: Journal) => ({ ...journal, registration }), signal);
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
