import { StackError } from '../../client/stackError.ts';
import { splitNumber } from '../../onprem/account.ts';
import { reshardingStep } from '../plan/decide/resharding.ts';
import { retryDelayMs } from '../plan/decide/retryDelay.ts';
import { type RegistrationInputs, registrationInputs } from '../plan/facts/registrationInputs.ts';
import { unmet } from '../plan/tell/conditions.ts';
import { type ApplicationPass, journalOf, type PartResult, updateJournal } from './pass.ts';

/** The longest wait after a refusal. A 403 means "come back later"; no source says how much later. */
const REFUSED_FOR_MS = 60_000;

/** Changes the number of shards to the declared one, when that cannot disconnect the number. */
export async function reshard(
  pass: ApplicationPass,
  isRegistered: boolean,
): Promise<PartResult<'ShardsServed'>> {
  const inputs = registrationInputs(pass.observed);
  const observed = { ...pass.observed, journal: journalOf(pass) };
  const step = reshardingStep(observed, isRegistered, pass.nowMs);
  if (step.do === 'set-shards') return setShards(pass, inputs, step.shards);
  if (step.verdict.reason === 'Served') await noteServed(pass);
  return { verdict: step.verdict };
}

/** From now on, a new number of shards interrupts traffic. */
async function noteServed(pass: ApplicationPass): Promise<void> {
  const { registration } = journalOf(pass);
  if (!registration || registration.isServed) return;
  await updateJournal(pass, (journal) => ({
    ...journal,
    ...(journal.registration ? { registration: { ...journal.registration, isServed: true } } : {}),
  }));
}

async function setShards(
  pass: ApplicationPass,
  { certificate, pin }: RegistrationInputs,
  shards: number,
): Promise<PartResult<'ShardsServed'>> {
  const { observed, asAdmin, signal, nowMs } = pass;
  const { cc, phoneNumber } = splitNumber(observed.resource.spec.phoneNumber);
  const request = {
    cc,
    phone_number: phoneNumber,
    shards,
    cert: certificate.value?.trim() ?? '',
    ...(pin?.value ? { pin: pin.value } : {}),
  };
  const change = `from ${observed.api?.shards} to ${shards} shards`;
  try {
    await asAdmin((client, session) => client.account.setShards(session, request, signal));
  } catch (error) {
    // Without an answer, the next pass reads how many shards the stack has.
    if (!(error instanceof StackError) || error.apiCode === undefined) throw error;
    const failures = (journalOf(pass).shards.failures ?? 0) + 1;
    const soonMs = error.retriable ? retryDelayMs(failures, 'undone') : REFUSED_FOR_MS;
    const retryAfterMs = Math.min(soonMs, REFUSED_FOR_MS);
    const shards = { retryNotBeforeMs: nowMs + retryAfterMs, failures };
    await updateJournal(pass, (journal) => ({ ...journal, shards }));
    return {
      verdict: unmet('ShardsServed', 'ReshardingRefused', `${change}: ${error.message}`),
      retryAfterMs,
    };
  }
  if (journalOf(pass).shards.failures !== undefined)
    await updateJournal(pass, (journal) => ({ ...journal, shards: {} }));
  const message = `${change}: waiting until each shard has a connected Coreapp`;
  return { verdict: unmet('ShardsServed', 'Resharding', message), retryAfterMs: 0 };
}
