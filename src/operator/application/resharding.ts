import { StackError } from '../../client/stackError.ts';
import { splitNumber } from '../../onprem/account.ts';
import { parseCertificate } from '../../onprem/emulatorCertificate.ts';
import { planResharding } from '../plan/decide/resharding.ts';
import { servedShards } from '../plan/facts/servedShards.ts';
import { counts } from '../plan/facts/stackSettings.ts';
import { unmet } from '../plan/tell/conditions.ts';
import { type ApplicationPass, journalOf, type PartResult, updateJournal } from './pass.ts';

/** A 403 says that the servers can't just now. Not found in any source: for how long. */
const REFUSED_FOR_MS = 60_000;

/** Brings the number to as many shards as are declared, once that loses nothing. */
export async function reshard(
  pass: ApplicationPass,
  registration: {
    readonly isRegistered: boolean;
    readonly certificate: string | undefined;
    readonly certificateSource: string;
    readonly pin: string | undefined;
  },
): Promise<PartResult<'ShardsServed'>> {
  const { observed, asAdmin, signal, nowMs } = pass;
  const { resource, api } = observed;
  const journal = journalOf(pass);
  const { shards: wanted } = counts(resource);
  const { isRegistered, certificate, certificateSource, pin } = registration;
  const members = Object.values(api?.health ?? {}).filter(({ role }) => role === 'coreapp').length;
  const step = planResharding({
    wanted,
    current: api?.shards,
    members: resource.spec.topology === 'Single' ? 1 : members,
    served: Object.keys(servedShards({ resource, api })).length,
    isRegistered,
    certificate: certificate?.trim(),
    certificateSource,
    certificateExpiresAt: certificate ? parseCertificate(certificate.trim())?.notAfter : undefined,
    isPinUnknown: journal.twoStepPin !== undefined && pin === undefined,
    registeredAt: journal.registration?.registeredAt,
    allowReRegistration: resource.spec.multiconnect?.allowReRegistration === true,
    retryNotBeforeMs: journal.shards.retryNotBeforeMs,
    nowMs,
  });
  if (step.do === 'wait') return { verdict: step.verdict };
  const { cc, phoneNumber } = splitNumber(resource.spec.phoneNumber);
  const request = {
    cc,
    phone_number: phoneNumber,
    shards: step.shards,
    cert: certificate?.trim() ?? '',
    ...(pin ? { pin } : {}),
  };
  const change = `from ${api?.shards} to ${step.shards} shards`;
  try {
    await asAdmin((client, session) => client.account.setShards(session, request, signal));
    return {
      verdict: unmet('ShardsServed', 'Resharding', `${change}: waiting until each has a connected Coreapp`),
      retryAfterMs: 0,
    };
  } catch (error) {
    // Without an answer the next look tells how many there are.
    if (!(error instanceof StackError) || error.apiCode === undefined) throw error;
    const retryNotBeforeMs = nowMs + REFUSED_FOR_MS;
    if (!error.retriable)
      await updateJournal(pass, (current) => ({ ...current, shards: { retryNotBeforeMs } }));
    return {
      verdict: unmet('ShardsServed', 'ReshardingRefused', `${change}: ${error.message}`),
      retryAfterMs: error.retriable ? 2_000 : REFUSED_FOR_MS,
    };
  }
}
