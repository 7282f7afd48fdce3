import type { Session } from '../../client/calls.ts';
import type { StackClient } from '../../client/stackClient.ts';
import { WEB_PORT } from '../../onprem/environment.ts';
import type { CollectTarget } from '../exporter/readCounters.ts';
import { foreignData, numberInUse } from '../plan/facts/identity.ts';
import { type ApiObservation, type Observation, podsSeen, webappAddresses } from '../plan/facts/observed.ts';
import { looksRegistered } from '../plan/facts/registered.ts';
import { byPod } from '../plan/facts/servedShards.ts';
import { met, unmet, type Verdict } from '../plan/tell/conditions.ts';
import type { Journals } from '../state/journalStore.ts';
import type { ApplicationPass } from './pass.ts';
import type { RefusedCalls } from './refusedCalls.ts';
import { apiKeyOf, stackAccess } from './stackAccess.ts';
import type { StackAccess, StackSessions } from './stackSession.ts';

/** What is needed to reach the API of a stack. */
export interface Reach {
  readonly key: string;
  readonly observed: Observation;
  readonly journals: Journals;
  readonly sessions: StackSessions;
  readonly refused: RefusedCalls;
  readonly nowMs: number;
  /** Called with what the API reported; undefined if it could not be reached. */
  readonly onObservation: (observation: ApiObservation | undefined) => void;
  /** Called with how to read the stack's counters. */
  readonly onTarget: (target: CollectTarget) => void;
}

interface Reached {
  readonly verdict: Verdict<'ApiReachable'>;
  /** The pass for the later steps; undefined if the API cannot be reached yet. */
  readonly pass?: ApplicationPass;
  readonly registered?: boolean | undefined;
}

/** Logs in and reads health, support and shards. @throws StackError, StackUnreachable, CodedError `WrongCertificate` */
export async function reachApi(reach: Reach, signal: AbortSignal): Promise<Reached> {
  const { key, observed, journals, sessions, refused, nowMs, onObservation, onTarget } = reach;
  const foreign = foreignData(observed);
  if (foreign !== undefined) {
    // What this resource declares is not for the number of that data.
    onObservation(undefined);
    return { verdict: unmet('ApiReachable', 'DataOfAnotherNumber', foreign) };
  }
  if (numberInUse(observed)) {
    onObservation(undefined);
    return {
      verdict: unmet('ApiReachable', 'Waiting', 'another stack has the number (SpecValid says more)'),
    };
  }
  if (webappAddresses(observed).length === 0) {
    onObservation(undefined);
    // No Webapp starts with a bad one.
    apiKeyOf(observed);
    return { verdict: unmet('ApiReachable', 'NoWebapp', 'no Webapp is ready yet') };
  }
  try {
    const access = await stackAccess(observed, journals, signal);
    if (!access)
      return { verdict: unmet('ApiReachable', 'Waiting', 'the Secrets of the stack do not exist yet') };
    onTarget(collectTarget(observed, access));
    const asAdmin = <T>(calls: (client: StackClient, session: Session) => Promise<T>) =>
      sessions.asAdmin(key, access, calls, signal);
    const before = { observed, journals, asAdmin, refused, nowMs, signal };
    const { api: last } = observed;
    const onHealth = (health: ApiObservation['health']) => {
      if (last && stateOf(health) !== stateOf(last.health)) onObservation({ ...last, isSuperseded: true });
    };
    const api = await observeApi(before, sessions.client(key, access), access.apiKey, onHealth);
    onObservation(api);
    return {
      verdict: met('ApiReachable', 'Reachable', 'the API answers'),
      pass: { ...before, observed: { ...observed, api } },
      registered: looksRegistered(api),
    };
  } catch (error) {
    if (!signal.aborted) onObservation(undefined);
    throw error;
  }
}

/**
 * Reads health with the API key, support and shards as admin. Nodes are named by their pods. Health is read before and
 * after: what this process knows of the nodes last is what it decides by, and who owns a shard must belong to it. Until that is known, nobody may act on an earlier look that health has already refuted.
 */
async function observeApi(
  { observed, asAdmin, nowMs, signal }: ApplicationPass,
  client: StackClient,
  apiKey: string,
  onHealth: (health: ApiObservation['health']) => void,
): Promise<ApiObservation> {
  const singlePod = nameOfSinglePod(observed);
  const readHealth = async () => {
    const health = byPod(await client.health.nodes({ apiKey }, signal), singlePod);
    onHealth(health);
    return health;
  };
  let before = await readHealth();
  for (let look = 1; ; look++) {
    const [support, shards] = await asAdmin((admin, session) =>
      Promise.all([
        admin.support.nodes(session, signal),
        // Only the primary Master answers this; while there is none, the call fails.
        admin.account.shards(session, signal).catch(() => undefined),
      ]),
    );
    const health = await readHealth();
    if (look === MOST_LOOKS || stateOf(health) === stateOf(before))
      return {
        atMs: nowMs,
        podsSeen: podsSeen(observed.pods),
        health,
        support: byPod(support, singlePod),
        shards,
        lastShards: shards ?? observed.api?.lastShards,
      };
    before = health;
  }
}

/** A stack that changes this often in a row is looked at again soon anyway. */
const MOST_LOOKS = 3;

const stateOf = (health: ApiObservation['health']): string =>
  JSON.stringify(
    Object.entries(health)
      .map(([pod, { gateway_status, role }]) => [pod, gateway_status, role])
      .sort(),
  );

const nameOfSinglePod = ({ pods }: Observation): string | undefined =>
  pods.find(({ component, terminating }) => component === 'coreapp' && !terminating)?.name;

/** How the counters are read. */
const collectTarget = (observed: Observation, access: StackAccess): CollectTarget => {
  const { host, port, ca, certificateNames, apiKey } = access;
  const { namespace, name } = observed.resource.metadata;
  const webapps = webappAddresses(observed).map((address) => ({ address, port: WEB_PORT }));
  return { namespace, name, host, port, ca, certificateNames, apiKey, webapps };
};
