import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { Observed } from '../facts/observed.ts';
import { type Child, childKey } from '../render/child.ts';
import type { Verdict } from '../tell/conditions.ts';
import { databaseProblem, judgeDatabase, judgeSchema } from '../tell/workloadChecks.ts';

/** How far the steps before the nodes are: the steps report it, and the rollout waits for it. */
export interface Gates {
  readonly database: Verdict<'DatabaseReady'>;
  /** The schema Job may run. */
  readonly isDatabaseOpen: boolean;
  /** The database's own objects may be applied. */
  readonly mayApplyDatabase: boolean;
  /** The live schema Job. */
  readonly job: KubeObject | undefined;
  readonly schema: Verdict<'SchemaReady'>;
  /** The schema Job of a running stack waits until the user allows changes. Everything but the change goes on. */
  readonly schemaWaitsForUser: boolean;
  /** Masters, Coreapps and Webapps may change. */
  readonly isSchemaOpen: boolean;
}

export function gatesOf(
  observed: Observed,
  { object }: Child,
  creating: Verdict<'DatabaseReady'> | undefined,
  forbidden: string | undefined,
): Gates {
  const problem = databaseProblem(observed) ?? creating;
  const job = observed.children.get(childKey(object));
  const schema = judgeSchema(job);
  const database = problem ?? judgeDatabase(observed, schema);
  const schemaWaitsForUser =
    !job && forbidden !== undefined && observed.pods.some(({ component }) => component === 'coreapp');
  return {
    database,
    mayApplyDatabase: problem === undefined,
    // Only the schema Job shows whether an external database is reachable.
    isDatabaseOpen:
      problem === undefined && (database.status === 'True' || !observed.resource.spec.database.managed),
    job,
    schema,
    schemaWaitsForUser,
    isSchemaOpen: schema.status === 'True' || schemaWaitsForUser,
  };
}

/** Why no Master, Coreapp or Webapp changes yet. */
export function nodesWaitFor(
  { isDatabaseOpen, isSchemaOpen }: Gates,
  isStopping: boolean,
): string | undefined {
  if (isStopping) return 'all nodes to stop';
  if (!isDatabaseOpen) return 'the database';
  return isSchemaOpen ? undefined : 'the schema Job';
}
