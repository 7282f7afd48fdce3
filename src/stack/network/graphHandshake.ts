import { randomBytes } from 'node:crypto';
import { type Clock, withDeadline } from '../../base/clock.ts';
import { isPrivatePlainUrl } from '../../base/privatePlainUrl.ts';
import type { GraphCallback } from './graphState.ts';

/** Not found in any source. */
const WITHIN_MS = 10_000;

/** Why an endpoint can't get webhooks; undefined if it has answered with the challenge. Source: docs/onprem/cloud-migration.md §8. */
export async function handshakeProblem(
  { url, verifyToken }: GraphCallback,
  clock: Clock,
  signal: AbortSignal,
  call: typeof fetch = fetch,
): Promise<string | undefined> {
  if (!URL.canParse(url)) return `${url} is no URL`;
  // The vendor wants https; a simulation is often beside its receiver.
  if (new URL(url).protocol !== 'https:' && !isPrivatePlainUrl(url))
    return `${url}: webhooks go to https://, or to http:// in a private network`;
  const challenge = String(randomBytes(4).readUInt32BE());
  const asked = new URL(url);
  asked.searchParams.set('hub.mode', 'subscribe');
  asked.searchParams.set('hub.challenge', challenge);
  asked.searchParams.set('hub.verify_token', verifyToken);
  const late = () => new Error(`no answer within ${WITHIN_MS / 1000} s`);
  const deadline = withDeadline(clock, signal, WITHIN_MS, late);
  try {
    const answer = await call(asked, { redirect: 'manual', signal: deadline.signal });
    const text = (await answer.text()).trim();
    if (answer.status !== 200) return `${url} answered HTTP ${answer.status} to the verification request`;
    return text === challenge ? undefined : `${url} did not answer with hub.challenge`;
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    return `${url} could not be reached: ${cause?.message || message}`;
  } finally {
    deadline.release();
  }
}
