import type { Session } from '../../client/calls.ts';
import type { StackClient } from '../../client/stackClient.ts';
import { EMPTY_JOURNAL, type Journal, type RestartTopic } from '../plan/facts/journal.ts';
import type { Observation, PodView } from '../plan/facts/observed.ts';
import {
  broughtAbout,
  COUNTERS,
  type FoundValue,
  isBroughtAbout,
  type RestartedRole,
} from '../plan/facts/restartTopics.ts';
import type { Verdict } from '../plan/tell/conditions.ts';
import type { ApplicationCondition } from '../resource/conditions.ts';
import type { Journals } from '../state/journalStore.ts';
import type { RefusedCalls } from './refusedCalls.ts';

/** Runs calls in a session of the administrator. */
type AsAdmin = <T>(calls: (client: StackClient, session: Session) => Promise<T>) => Promise<T>;

/** One pass over a stack: what every part of the application controller works with. */
export interface ApplicationPass {
  readonly observed: Observation;
  readonly journals: Journals;
  readonly asAdmin: AsAdmin;
  /** Keeps back calls that the stack refused a moment ago. */
  readonly refused: RefusedCalls;
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

/**
 * Makes a change that needs a restart. The journal records the change as pending before `write`, so that after a crash
 * between `write` and the restart request, the next pass still requests the restart.
 */
export async function bringAbout(
  pass: ApplicationPass,
  change: FoundValue & {
    readonly topic: RestartTopic;
    readonly write: () => Promise<void>;
  },
): Promise<void> {
  const { topic, hash, isInPlace, write } = change;
  if (isBroughtAbout(journalOf(pass)[topic], change)) return;
  if (!isInPlace) {
    await updateJournal(pass, (journal) => ({ ...journal, [topic]: { ...journal[topic], pending: hash } }));
    await write();
  }
  await updateJournal(pass, (journal) => broughtAbout(journal, topic, change));
}

/** Pods of a role that have not restarted since the last request: they work with what was declared before. */
export const notRestarted = (pass: ApplicationPass, role: RestartedRole): string[] =>
  namesOf(pass, role, ({ restarts }, wanted) => restarts !== wanted);

/** The same, and those that are not ready again yet. */
export const behind = (pass: ApplicationPass, role: RestartedRole): string[] =>
  namesOf(pass, role, ({ restarts, ready }, wanted) => restarts !== wanted || !ready);

function namesOf(
  pass: ApplicationPass,
  role: RestartedRole,
  isMeant: (pod: PodView, wanted: string) => boolean,
): string[] {
  const wanted = String(journalOf(pass)[COUNTERS[role]]);
  return pass.observed.pods
    .filter((pod) => pod.component === role && !pod.terminating && isMeant(pod, wanted))
    .map(({ name }) => name);
}
