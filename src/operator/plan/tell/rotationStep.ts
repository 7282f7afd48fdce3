import type { Observed } from '../facts/observed.ts';
import { met, unmet, type Verdict } from './conditions.ts';
import { plain } from './databaseCause.ts';
import { troubleOf } from './troubles.ts';

const isOfRotation = (component: string): boolean => component === 'password-rotation';

/** How far the rotation of the password is, as a sentence part: `2 of 3: …`; undefined if there is none under way. */
export function rotationStep(observed: Pick<Observed, 'journal' | 'pods' | 'clues'>): string | undefined {
  const { phase, next, previous } = observed.journal?.passwordRotation ?? {};
  switch (phase) {
    case undefined:
    case 'Done':
      return undefined;
    case 'Preparing':
      return `1 of 3: a Job gives the account ${next?.username} a new password${lastWords(observed)}`;
    case 'Switching':
      return '2 of 3: the nodes restart with the new login, one after the other';
    case 'Retiring':
      return `3 of 3: a Job locks the account ${previous?.username} once nobody is logged in as it${lastWords(observed)}`;
  }
}

/** What the program of the Job printed last. */
function lastWords({ pods, clues }: Pick<Observed, 'pods' | 'clues'>): string {
  const pod = pods.find(({ component, terminating }) => isOfRotation(component) && !terminating);
  const line = pod && clues?.get(pod.uid)?.lines?.at(-1);
  return pod && line ? ` (Pod ${pod.name} printed: ${plain(line)})` : '';
}

/** The condition of a database that is ready says how far the rotation is, and what keeps it from going on. */
export function withRotation(
  verdict: Verdict<'DatabaseReady'>,
  observed: Observed,
): Verdict<'DatabaseReady'> {
  const step = rotationStep(observed);
  if (step === undefined || verdict.status !== 'True') return verdict;
  const trouble = troubleOf(observed, isOfRotation);
  return trouble?.hasLasted
    ? unmet(
        'DatabaseReady',
        trouble.reason,
        `the rotation of the password does not get further, and the nodes keep a login that works; step ${step}; ${trouble.text}`,
      )
    : met('DatabaseReady', 'Ready', `${verdict.message}; the password is being rotated, step ${step}`);
}
