import type { Caller } from '../../client/calls.ts';
import type { StackClient } from '../../client/stackClient.ts';
import type { ApiObservation, Observation } from '../plan/facts/observed.ts';
import { podMonitor } from '../plan/render/unwatched.ts';
import { buildExpiry, judgeBuild } from '../plan/tell/build.ts';
import { met, type Verdict } from '../plan/tell/conditions.ts';
import { byPod } from '../plan/tell/stackStatus.ts';
import { certify } from './certificates.ts';
import { collectWhenDue } from './housekeeping.ts';
import type { ApplicationPass } from './pass.ts';
import { registerNumber } from './registerNumber.ts';
import { reshard } from './resharding.ts';
import { type DriftReport, synchronise } from './synchronise.ts';
import type { WebhookCheck } from './webhook.ts';

export interface ConvergeContext {
  readonly key: string;
  readonly pass: ApplicationPass;
  /** Asks for health, which needs no login. */
  readonly client: StackClient;
  readonly apiKey: Caller;
  readonly webhooks: WebhookCheck;
  readonly say: (verdict: Verdict) => void;
  readonly onObservation: (api: ApiObservation) => void;
  readonly onDrift: (report: DriftReport) => void;
}

/**
 * Looks at a stack through its API and takes the next steps, part by part. Each says its condition, and one that fails
 * keeps those after it from their turn. @returns ms until it wants to be asked again, infinite where it does not
 */
export async function converge(context: ConvergeContext): Promise<number> {
  const { key, pass, webhooks, say, onObservation, onDrift } = context;
  const api = await look(context);
  onObservation(api);
  say(met('ApiReachable', 'Reachable', 'the API answers'));
  say(judgeBuild(buildExpiry(api.support), pass.nowMs));
  const looked: ApplicationPass = { ...pass, observed: { ...pass.observed, api } };

  say(await certify(looked));
  const monitor = podMonitor(pass.observed.resource);
  if (monitor) await pass.applyUnwatched(monitor);
  const registered = looksRegistered(api);
  const isRegistered = registered === true;
  say(await synchronise(looked, isRegistered, onDrift));
  say(await webhooks.judge(key, looked));
  const registration = await registerNumber(looked, registered);
  say(registration.result.verdict);
  const shards = await reshard(looked, { isRegistered, ...registration });
  say(shards.verdict);
  const collectAfterMs = isRegistered ? await collectWhenDue(looked) : undefined;
  const waits = [registration.result.retryAfterMs, shards.retryAfterMs, collectAfterMs];
  return Math.min(...waits.map((wait) => wait ?? Number.POSITIVE_INFINITY));
}

/** Health with the API key, support and shards as admin: nodes under the names of their pods. */
async function look({ pass, client, apiKey }: ConvergeContext): Promise<ApiObservation> {
  const { observed, asAdmin, signal } = pass;
  const singlePod = nameOfSinglePod(observed);
  const health = byPod(await client.health.nodes(apiKey, signal), singlePod);
  const [support, shards] = await asAdmin((admin, session) =>
    Promise.all([
      admin.support.nodes(session, signal),
      // While nobody is primary there is nobody to ask.
      admin.account.shards(session, signal).catch(() => undefined),
    ]),
  );
  return { health, support: byPod(support, singlePod), shards };
}

const nameOfSinglePod = ({ pods }: Observation): string | undefined =>
  pods.find(({ component, terminating }) => component === 'coreapp' && !terminating)?.name;

/** Some node holds an account: registered. All say that there is none: not. Anything else says nothing. */
function looksRegistered({ health }: ApiObservation): boolean | undefined {
  const states = Object.values(health).flatMap(({ gateway_status }) => gateway_status ?? []);
  if (states.some((state) => state === 'connected' || state === 'connecting' || state === 'disconnected'))
    return true;
  return states.length > 0 && states.every((state) => state === 'unregistered') ? false : undefined;
}
