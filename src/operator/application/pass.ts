import type { Session } from '../../client/calls.ts';
import type { StackClient } from '../../client/stackClient.ts';
import { EMPTY_JOURNAL, type Journal, type RestartTopic } from '../plan/facts/journal.ts';
import type { Observation } from '../plan/facts/observed.ts';
import type { Verdict } from '../plan/tell/conditions.ts';
import type { ApplicationCondition } from '../resource/conditions.ts';
import type { Journals } from '../state/journalStore.ts';
import { decodeSecret, type SecretObject } from '../state/referencedSecrets.ts';

/** Runs calls in a session of the administrator. */
type AsAdmin = <T>(calls: (client: StackClient, session: Session) => Promise<T>) => Promise<T>;

/** One pass over a stack: what every part of the application controller works with. */
export interface ApplicationPass {
  readonly observed: Observation;
  readonly journals: Journals;
  readonly asAdmin: AsAdmin;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** The result of a part: a condition, and when to run the part again. */
export interface PartResult<T extends ApplicationCondition = ApplicationCondition> {
  readonly verdict: Verdict<T>;
  readonly retryAfterMs?: number | undefined;
}

/** The current journal, which another part of the same pass may have written. */
export const journalOf = ({ journals, observed }: Pick<ApplicationPass, 'journals' | 'observed'>): Journal =>
  journals.read(observed.resource) ?? EMPTY_JOURNAL;

export const updateJournal = (
  { journals, observed, signal }: Pick<ApplicationPass, 'journals' | 'observed' | 'signal'>,
  change: (journal: Journal) => Journal,
): Promise<Journal> => journals.update(observed.resource, change, signal);

/** A value in a Secret that the resource refers to, or in one that the operator generated. */
export function secretValue(
  { referenced, children }: Pick<Observation, 'referenced' | 'children'>,
  { name, key }: { readonly name: string; readonly key: string },
): string | undefined {
  const known = referenced.get(name)?.data?.[key];
  if (known !== undefined) return known;
  const own = children.get(`Secret/${name}`) as SecretObject | undefined;
  return own && decodeSecret(own)[key];
}

const ROLES = { webhookCa: 'coreapp', settings: 'coreapp', certificate: 'webapp' } as const;
const COUNTERS = { coreapp: 'coreappRestarts', webapp: 'webappRestarts' } as const;

/**
 * Makes a change that needs a restart. The journal records the change as pending before `write`, so that after a crash
 * between `write` and the restart request, the next pass still requests the restart.
 */
export async function bringAbout(
  pass: ApplicationPass,
  change: {
    readonly topic: RestartTopic;
    readonly hash: string;
    readonly isInPlace: boolean;
    /** If the operator finds the value in place: the nodes already run with it, as with defaults. */
    readonly isEffective?: boolean;
    readonly write: () => Promise<void>;
  },
): Promise<void> {
  const { topic, hash, isInPlace, isEffective = false, write } = change;
  const known = journalOf(pass)[topic];
  if (isInPlace && known.pending === undefined && known.applied === hash) return;
  if (!isInPlace) {
    await updateJournal(pass, (journal) => ({ ...journal, [topic]: { ...journal[topic], pending: hash } }));
    await write();
  }
  const needsRestart = !(isInPlace && isEffective && known.pending === undefined);
  const counter = COUNTERS[ROLES[topic]];
  await updateJournal(pass, (journal) => ({
    ...journal,
    [topic]: { applied: hash },
    ...(needsRestart ? { [counter]: journal[counter] + 1 } : {}),
  }));
}

/** Pods of a role that have not restarted since the last request, or are not ready again yet. */
export function behind(pass: ApplicationPass, role: 'coreapp' | 'webapp'): string[] {
  const wanted = String(journalOf(pass)[COUNTERS[role]]);
  return pass.observed.pods
    .filter((pod) => pod.component === role && !pod.terminating && (pod.restarts !== wanted || !pod.ready))
    .map(({ name }) => name);
}
