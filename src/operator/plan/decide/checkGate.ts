import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { annotations, componentOf } from '../facts/names.ts';
import { type Observed, ownedBy } from '../facts/observed.ts';
import { isSameSchema, parseSchemaNote } from '../facts/schemaIdentity.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import type { Child } from '../render/child.ts';
import type { DatabaseCheck } from '../render/databaseCheckJob.ts';
import { unmet, type Verdict } from '../tell/conditions.ts';
import { isDatabaseReason, troubleOf } from '../tell/troubles.ts';
import { endOf, isComplete, toldBy } from '../tell/workloadChecks.ts';

/** How far the check of an external database is. */
export interface CheckGate {
  /** Nothing holds back the workloads of the stack. */
  readonly isOpen: boolean;
  /** What the check says while it has not passed; undefined if that is nothing new. */
  readonly verdict: Verdict<'DatabaseReady'> | undefined;
  readonly apply: readonly Child[];
  readonly remove: readonly KubeObject[];
}

interface CheckState {
  readonly isSchemaDone: boolean;
  readonly isNew: boolean;
  /** There is something to check: a cluster of another operator takes writes. */
  readonly mayStart: boolean;
}

/**
 * The check holds back only the creation of a stack: one that runs, or once had a schema, goes on, and the check reports.
 * A check that cannot run is no answer about the database, so it holds back nothing. A stack of an earlier version, which
 * was never checked, is checked once something about its database changes.
 */
export function checkGate(
  observed: Observed,
  check: DatabaseCheck | undefined,
  { isSchemaDone, isNew, mayStart }: CheckState,
): CheckGate {
  const jobs = ownedBy(observed, 'Job').filter((job) => componentOf(job) === 'database-check');
  if (!check) return { isOpen: true, verdict: undefined, apply: [], remove: jobs };
  const isCurrent = ({ metadata }: KubeObject) =>
    isSameSchema(parseSchemaNote(metadata.annotations?.[annotations.databaseCheck]), check.needed);
  const live = jobs.find(isCurrent);
  const isWanted = mayStart && !live && (!isSchemaDone || jobs.length > 0);
  const trouble = troubleOf(observed, (component) => component === 'database-check');
  const isAnswer = trouble !== undefined && isDatabaseReason(trouble.reason);
  const cannotRun = trouble?.hasLasted === true && !isAnswer;
  const hasPassed = isComplete(live);
  const isOpen = !isNew || hasPassed || cannotRun;
  const { host } = databaseAddress(observed.resource);
  const waiting = `nothing of the stack starts before Job ${(live ?? check.job.object).metadata.name} has checked ${host}`;
  const found = toldBy(trouble, 'Connecting', isOpen ? `the check of ${host} fails` : waiting);
  return {
    isOpen,
    verdict: hasPassed || (isOpen && !(live && isAnswer)) ? undefined : unmet('DatabaseReady', ...found),
    apply: isWanted ? [check.job] : [],
    remove: jobs.filter((job) => job !== live || endOf(job, 'Failed') !== undefined),
  };
}
