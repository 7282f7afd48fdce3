import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { editedLogin, holdsPreviousLogin, loginHash } from '../facts/databaseLogin.ts';
import { databaseUser, otherUser } from '../facts/generatedSecrets.ts';
import type { Journal, RotationEntry } from '../facts/journal.ts';
import { componentOf, names } from '../facts/names.ts';
import { type Observed, ownedBy } from '../facts/observed.ts';
import type { SecretMend } from '../facts/secretGaps.ts';
import { type Child, childKey } from '../render/child.ts';
import type { StackPods } from '../render/nodeInputs.ts';
import { passwordJob } from '../render/passwordJob.ts';
import { endOf, isComplete } from '../tell/workloadChecks.ts';
import type { RolloutPlan } from './rollout.ts';
import { databaseUsers } from './runningParts.ts';

/** What a rotation of the managed database's password does now. */
export interface PasswordRotation {
  /** For the journal. A password that is missing is made when the journal is written. */
  readonly entry: Journal['passwordRotation'];
  /** The login that the pods get, for the journal; undefined if it stays. */
  readonly login: Journal['databaseLogin'];
  readonly apply: readonly Child[];
  readonly remove: readonly KubeObject[];
}

/**
 * One phase after the other, each left only when its end is seen, so that an interruption repeats a step that can be
 * repeated. Two accounts take turns: a node that has not restarted yet keeps a login that works.
 */
export function planRotation(
  observed: Observed,
  run: {
    readonly pods: StackPods;
    /** The image with the program. */
    readonly program: string;
    readonly rollout: RolloutPlan;
    /** The database runs, and nothing is wrong with its Secrets. */
    readonly isDatabaseOpen: boolean;
  },
): PasswordRotation {
  const { journal } = observed;
  const jobs = ownedBy(observed, 'Job').filter((job) => componentOf(job) === 'password-rotation');
  const now = journal?.passwordRotation;
  const waits = { entry: now, login: undefined, apply: [], remove: [] };
  // An observer who may not read Secrets does not see how far it is.
  if (observed.secretsHash !== undefined) return waits;
  const request = observed.resource.spec.database.managed?.passwordRotation;
  // The password of a new server is new.
  if (request !== undefined && journal?.databaseLogin === undefined)
    return { ...waits, entry: { ...kept(now), request, phase: 'Done' } };
  if (!run.isDatabaseOpen) return waits;
  const live = (entry: RotationEntry | undefined) => {
    const job = passwordJob(run.pods, entry, run.program);
    return { job, found: job && jobs.find((other) => childKey(other) === childKey(job.object)) };
  };
  const next = nextEntry(observed, run.rollout, isComplete(live(now).found));
  const { job, found } = live(next.entry);
  return {
    ...next,
    apply: job && !found ? [job] : [],
    remove: jobs.filter((other) => other !== found || endOf(other, 'Failed') !== undefined),
  };
}

function nextEntry(
  observed: Observed,
  rollout: RolloutPlan,
  isJobDone: boolean,
): Pick<PasswordRotation, 'entry' | 'login'> {
  const { resource, journal } = observed;
  const entry = journal?.passwordRotation;
  const stays = { entry, login: undefined };
  const { managed } = resource.spec.database;
  if (!managed) return stays;
  switch (entry?.phase) {
    case undefined:
    case 'Done': {
      const request = managed.passwordRotation;
      if (request === undefined || request === entry?.request) return stays;
      const current = journal?.databaseLogin?.username ?? databaseUser(managed.engine);
      const username = otherUser(managed.engine, current);
      return {
        ...stays,
        entry: { ...kept(entry), request, phase: 'Preparing', next: { username } },
      };
    }
    case 'Preparing': {
      const { next } = entry;
      const old = journal?.databaseLogin;
      if (!isJobDone || !next?.password || !old) return stays;
      const previous = { username: old.username ?? databaseUser(managed.engine), login: loginHash(old) };
      return {
        entry: { ...kept(entry), request: entry.request, phase: 'Switching', previous },
        login: { username: next.username, password: next.password },
      };
    }
    case 'Switching':
      return isServedAnew(observed, rollout) ? { ...stays, entry: { ...entry, phase: 'Retiring' } } : stays;
    case 'Retiring':
      return isJobDone
        ? { ...stays, entry: { request: entry.request, phase: 'Done', completedAtMs: observed.nowMs } }
        : stays;
  }
}

const kept = (entry: RotationEntry | undefined): Pick<RotationEntry, 'completedAtMs'> =>
  entry?.completedAtMs === undefined ? {} : { completedAtMs: entry.completedAtMs };

/** Every pod of the stack has the new login, and no backup that began with the old one still runs. */
function isServedAnew(observed: Observed, { isRolling, done, total }: RolloutPlan): boolean {
  if (editedLogin(observed) || holdsPreviousLogin(observed)) return false;
  return !isRolling && done === total && databaseUsers(observed).length === 0;
}

/** The Secret gets the login that the journal has, before and after the operator was interrupted. */
export const rotatedSecret = (observed: Observed): SecretMend[] => {
  const { username, password } = observed.journal?.databaseLogin ?? {};
  if (!holdsPreviousLogin(observed) || username === undefined || password === undefined) return [];
  const name = names(observed.resource.metadata.name).databaseSecret;
  return [{ name, values: { username, password }, isRotated: true }];
};
