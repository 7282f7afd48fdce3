import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { annotations, isNode } from '../facts/names.ts';
import { type Observed, ownedBy } from '../facts/observed.ts';
import { isSameSchema, parseSchemaNote } from '../facts/schemaIdentity.ts';
import { childKey } from '../render/child.ts';
import type { DatabaseCheck } from '../render/databaseCheckJob.ts';
import type { SchemaRun } from '../render/schemaJob.ts';
import { clusterIsAwaited } from '../tell/clusterChecks.ts';
import { met, type Verdict } from '../tell/conditions.ts';
import { databaseIsOurs } from '../tell/identityChecks.ts';
import { databasesAreRestored, mediaOfRestore } from '../tell/restoreChecks.ts';
import { databaseProblem, isComplete, judgeDatabase, judgeSchema } from '../tell/workloadChecks.ts';
import { type CheckGate, checkGate } from './checkGate.ts';

/** How far the steps before the nodes are: the steps report it, and the rollout waits for it. */
export interface Gates {
  readonly database: Verdict<'DatabaseReady'>;
  readonly check: CheckGate;
  /** The schema Job may run: the managed database runs, or the check holds back nothing. */
  readonly isDatabaseOpen: boolean;
  /** The database's own objects may be applied. */
  readonly mayApplyDatabase: boolean;
  /** The live schema Job. */
  readonly job: KubeObject | undefined;
  readonly schema: Verdict<'SchemaReady'>;
  /** The databases of a backup come before the schema Job. */
  readonly isRestoring: boolean;
  /** The database has the schema, whether or not a Job is there that says so. */
  readonly isSchemaDone: boolean;
  /** The nodes of a stack that runs go on while the Job does, except for what needs the new schema. */
  readonly goOn: boolean;
  /** The schema Job of a running stack waits until the user allows changes. Everything but the change goes on. */
  readonly schemaWaitsForUser: boolean;
  /** Masters, Coreapps and Webapps may change in every way. */
  readonly isSchemaOpen: boolean;
}

export function gatesOf(
  observed: Observed,
  {
    schema: run,
    check: wantedCheck,
  }: { readonly schema: SchemaRun; readonly check: DatabaseCheck | undefined },
  creating: Verdict<'DatabaseReady'> | undefined,
  forbidden: string | undefined,
): Gates {
  const job = observed.children.get(childKey(run.job.object));
  const isSchemaDone = isDone(observed, run);
  const problem = databaseProblem(observed) ?? databaseIsOurs(observed, isSchemaDone) ?? creating;
  const restoring = databasesAreRestored(observed);
  const schema =
    restoring ??
    (isSchemaDone
      ? met('SchemaReady', 'Upgraded', `the schema is up to date${mediaOfRestore(observed)}`)
      : judgeSchema({ job, observed }));
  const goOn = observed.pods.some(({ component }) => isNode(component));
  const awaited = clusterIsAwaited(observed);
  const check = checkGate(observed, wantedCheck, {
    isSchemaDone,
    mayStart: awaited === undefined,
    // All nodes may be away, as with the strategy Stop.
    isNew: !isSchemaDone && !goOn && observed.journal?.schemaDone === undefined,
  });
  const database = problem ?? awaited ?? check.verdict ?? judgeDatabase(observed, schema);
  const schemaWaitsForUser =
    !isSchemaDone &&
    !job &&
    forbidden !== undefined &&
    observed.pods.some(({ component }) => component === 'coreapp');
  return {
    database,
    mayApplyDatabase: problem === undefined,
    check,
    isDatabaseOpen:
      problem === undefined &&
      awaited === undefined &&
      (observed.resource.spec.database.managed ? database.status === 'True' : check.isOpen),
    job,
    schema,
    isRestoring: restoring !== undefined,
    isSchemaDone,
    goOn,
    schemaWaitsForUser,
    isSchemaOpen: schema.status === 'True' || schemaWaitsForUser,
  };
}

/** What a change of a node that needs the new schema waits for. */
export const SCHEMA_JOB = 'the schema Job';

/** The Jobs that made the schema which the stack needs. */
export const provingJobs = (observed: Observed, { needed, earlierName }: SchemaRun): KubeObject[] =>
  ownedBy(observed, 'Job').filter((job) => {
    const note = job.metadata.annotations?.[annotations.schema];
    if (!isComplete(job)) return false;
    return note === undefined
      ? job.metadata.name === earlierName
      : isSameSchema(parseSchemaNote(note), needed);
  });

const isDone = (observed: Observed, run: SchemaRun): boolean =>
  isSameSchema(observed.journal?.schemaDone, run.needed) || provingJobs(observed, run).length > 0;

/** Why no Master, Coreapp or Webapp changes yet. */
export function nodesWaitFor(
  { isDatabaseOpen, isSchemaOpen, goOn }: Gates,
  isStopping: boolean,
): string | undefined {
  if (isStopping) return 'all nodes to stop';
  if (!isDatabaseOpen) return 'the database';
  return isSchemaOpen || goOn ? undefined : SCHEMA_JOB;
}
