import { StackError } from '../../client/stackError.ts';
import { splitNumber } from '../../onprem/account.ts';
import { reshardingStep } from '../plan/decide/resharding.ts';
import { type RegistrationInputs, registrationInputs } from '../plan/facts/registrationInputs.ts';
import { unmet } from '../plan/tell/conditions.ts';
import { type ApplicationPass, journalOf, type PartResult, updateJournal } from './pass.ts';

/** The wait after a 403, which means "come back later". No source says how much later. */
const REFUSED_FOR_MS = 60_000;
/** The wait after an answer that says the same call may succeed soon. */
const RETRY_AFTER_MS = 2_000;

/** Changes the number of shards to the declared one, when that cannot disconnect the number. */
export async function reshard(
  pass: ApplicationPass,
  isRegistered: boolean,
): Promise<PartResult<'ShardsServed'>> {
  const inputs = registrationInputs(pass.observed);
  const observed = { ...pass.observed, journal: journalOf(pass) };
  const step = reshardingStep(observed, isRegistered, pass.nowMs);
  return step.do === 'wait' ? { verdict: step.verdict } : setShards(pass, inputs, step.shards);
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
    ...(pin ? { pin } : {}),
  };
  const change = `from ${observed.api?.shards} to ${shards} shards`;
  try {
    await asAdmin((client, session) => client.account.setShards(session, request, signal));
  } catch (error) {
    // Without an answer, the next pass reads how many shards the stack has.
    if (!(error instanceof StackError) || error.apiCode === undefined) throw error;
    const retryNotBeforeMs = nowMs + REFUSED_FOR_MS;
    if (!error.retriable)
      await updateJournal(pass, (journal) => ({ ...journal, shards: { retryNotBeforeMs } }));
    return {
      verdict: unmet('ShardsServed', 'ReshardingRefused', `${change}: ${error.message}`),
      retryAfterMs: error.retriable ? RETRY_AFTER_MS : REFUSED_FOR_MS,
    };
  }
  const message = `${change}: waiting until each shard has a connected Coreapp`;
  return { verdict: unmet('ShardsServed', 'Resharding', message), retryAfterMs: 0 };
}
