import type { Session } from '../../client/calls.ts';
import type { StackClient } from '../../client/stackClient.ts';
import { WEB_PORT } from '../../onprem/environment.ts';
import type { CollectTarget } from '../exporter/readCounters.ts';
import {
  type ApiObservation,
  isServing,
  type Observation,
  type PodView,
  podsSeen,
} from '../plan/facts/observed.ts';
import { looksRegistered } from '../plan/facts/registered.ts';
import { byPod } from '../plan/facts/servedShards.ts';
import { met, unmet, type Verdict } from '../plan/tell/conditions.ts';
import type { Journals } from '../state/journalStore.ts';
import type { ApplicationPass } from './pass.ts';
import { stackAccess } from './stackAccess.ts';
import type { StackAccess, StackSessions } from './stackSession.ts';

/** What is needed to reach the API of a stack. */
export interface Reach {
  readonly key: string;
  readonly observed: Observation;
  readonly journals: Journals;
  readonly sessions: StackSessions;
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
  const { key, observed, journals, sessions, nowMs, onObservation, onTarget } = reach;
  if (!observed.pods.some(isReadyWebapp)) {
    onObservation(undefined);
    return { verdict: unmet('ApiReachable', 'NoWebapp', 'no Webapp is ready yet') };
  }
  try {
    const access = await stackAccess(observed, journals, signal);
    if (!access)
      return { verdict: unmet('ApiReachable', 'Waiting', 'the Secrets of the stack do not exist yet') };
    onTarget(collectTarget(observed, access));
    const asAdmin = <T>(calls: (client: StackClient, session: Session) => Promise<T>) =>
      sessions.asAdmin(key, access, calls, signal);
    const before = { observed, journals, asAdmin, nowMs, signal };
    const api = await observeApi(before, sessions.client(key, access), access.apiKey);
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

/** Reads health with the API key, support and shards as admin. Nodes are named by their pods. */
async function observeApi(
  { observed, asAdmin, nowMs, signal }: ApplicationPass,
  client: StackClient,
  apiKey: string,
): Promise<ApiObservation> {
  const singlePod = nameOfSinglePod(observed);
  const health = byPod(await client.health.nodes({ apiKey }, signal), singlePod);
  const [support, shards] = await asAdmin((admin, session) =>
    Promise.all([
      admin.support.nodes(session, signal),
      // Only the primary Master answers this; while there is none, the call fails.
      admin.account.shards(session, signal).catch(() => undefined),
    ]),
  );
  return {
    atMs: nowMs,
    podsSeen: podsSeen(observed.pods),
    health,
    support: byPod(support, singlePod),
    shards,
  };
}

const nameOfSinglePod = ({ pods }: Observation): string | undefined =>
  pods.find(({ component, terminating }) => component === 'coreapp' && !terminating)?.name;

const isReadyWebapp = (pod: PodView): boolean => isServing(pod, 'webapp');

/** How the counters are read. */
const collectTarget = ({ resource, pods }: Observation, access: StackAccess): CollectTarget => {
  const { host, port, ca, certificateNames, apiKey } = access;
  const { namespace, name } = resource.metadata;
  const webapps = pods
    .filter(isReadyWebapp)
    .flatMap(({ ip }) => (ip ? [{ address: ip, port: WEB_PORT }] : []));
  return { namespace, name, host, port, ca, certificateNames, apiKey, webapps };
};
