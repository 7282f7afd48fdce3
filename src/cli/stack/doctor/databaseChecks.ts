import { FORBIDDEN_PASSWORD_CHARACTERS } from '../../../onprem/environment.ts';
import { componentOf, isNode } from '../../../operator/plan/facts/names.ts';
import { connectionsNeeded } from '../../../operator/plan/facts/stackSettings.ts';
import { type Check, check, failed, ok, warning, worst } from './check.ts';
import type { StackValues } from './facts.ts';
import { plural } from './plural.ts';
import { conditionCheck } from './stateChecks.ts';

const ask = check<StackValues>();
const GROUP = 'Database and volumes';

/** Without one of them the client does not start. Source: docs/onprem/deployment.md §8.3. */
const DATABASE_VARIABLES = [
  'WA_DB_ENGINE',
  'WA_DB_HOSTNAME',
  'WA_DB_PORT',
  'WA_DB_USERNAME',
  'WA_DB_PASSWORD',
] as const;
/** Shares of a volume that are used. */
const VOLUME = { warning: 0.8, failed: 0.95 } as const;
/** Share of the connections that are used. */
const CONNECTIONS_WARNING = 0.85;

export const databaseChecks: readonly Check<StackValues>[] = [
  conditionCheck('DatabaseReady', {
    id: 'database',
    group: GROUP,
    asks: 'Does the database answer, with a login, rights, an engine and a version that fit?',
    mend: 'Correct `spec.database` or the Secret that the evidence names.',
    wadebug: ['check_mysql_connection', 'check_mysql_permissions', 'check_mysql_version'],
  }),
  conditionCheck('SchemaReady', {
    id: 'schema',
    group: GROUP,
    asks: 'Has the database the schema of the client version?',
    mend: 'Read `kubectl logs job/NAME-schema-HASH`, correct the cause, and delete the Job.',
  }),
  ask({
    id: 'database-password',
    group: GROUP,
    asks: `Is the password of the database free of ${[...FORBIDDEN_PASSWORD_CHARACTERS].join(' ')}, on which the client fails?`,
    rule: 'failed: it has one of them',
    mend: 'Set another password in the database and in the Secret.',
    source: 'the Secret with the login (get); only the forbidden characters in it are kept',
    wadebug: ['check_mysql_password'],
    needs: ['forbiddenCharacters'],
    judge: ({ forbiddenCharacters: { secretName, characters } }) =>
      characters === ''
        ? ok(`the password in Secret ${secretName} has no forbidden character`)
        : failed(
            `the password in Secret ${secretName} has the characters ${characters}, on which the client fails`,
            `set another password in the database, and in key password of Secret ${secretName}`,
          ),
  }),
  ask({
    id: 'database-settings',
    group: GROUP,
    asks: `Has every node the variables ${DATABASE_VARIABLES.join(', ')}?`,
    rule: 'failed: a pod lacks one',
    mend: 'Delete the pod: the operator mends its template. `kubectl waba resume NAME` if the stack is paused.',
    source: 'Pods (list)',
    wadebug: ['check_db_settings_exist'],
    needs: ['pods'],
    judge: ({ pods }, { namespace }) => {
      const nodes = pods.filter((pod) => isNode(componentOf(pod)));
      if (nodes.length === 0) return undefined;
      const lacking = nodes.flatMap(({ metadata, spec }) => {
        const set = new Set(spec.containers.flatMap(({ env = [] }) => env.map(({ name }) => name)));
        const missing = DATABASE_VARIABLES.filter((name) => !set.has(name));
        return missing.length > 0 ? [{ pod: metadata.name, missing }] : [];
      });
      return lacking.length === 0
        ? ok(`${plural(nodes.length, 'node')} with all variables of the database`)
        : failed(
            lacking.map(({ pod, missing }) => `Pod ${pod} lacks ${missing.join(', ')}`),
            `kubectl -n ${namespace} delete pod ${lacking[0]?.pod}, once its StatefulSet or Deployment has them again`,
          );
    },
  }),
  ask({
    id: 'connections',
    group: GROUP,
    asks: 'Has the managed database connections left for all nodes?',
    rule: 'failed: none is left; warning: 85% are used, or the limit is lower than the nodes need',
    mend: 'Lower the number of nodes, or look for a client that keeps connections: `kubectl waba psql NAME`.',
    source:
      '`kubectl exec` in the pod of the database (create pods/exec): nothing else knows it. For an external database the check `database` covers it',
    needs: ['connections', 'resource'],
    judge: ({ connections, resource }, { name }) => {
      if (!connections) return undefined;
      const { used, most } = connections;
      const evidence = `${used} of ${most} connections are used`;
      const remedy = `look for a client that keeps connections with \`kubectl waba ${resource.spec.database.managed?.engine === 'PostgreSQL' ? 'psql' : 'mysql'} ${name}\`, or lower the number of nodes`;
      const need = connectionsNeeded(resource);
      if (used >= most) return failed(evidence, remedy);
      if (used > CONNECTIONS_WARNING * most) return warning(evidence, remedy);
      return need > most
        ? warning(`the nodes need ${need} connections, and the limit is ${most}`, remedy)
        : ok(evidence);
    },
  }),
  ask({
    id: 'claims',
    group: GROUP,
    asks: 'Is every PersistentVolumeClaim bound, and none being deleted?',
    rule: 'failed: a claim is pending, lost or being deleted',
    mend: '`kubectl describe pvc CLAIM`.',
    source: 'PersistentVolumeClaims (list)',
    needs: ['claims', 'warnings'],
    judge: ({ claims, warnings }, { namespace }) => {
      const troubles = claims.flatMap(({ metadata, spec, status }) => {
        const what = `PersistentVolumeClaim ${metadata.name}`;
        if (metadata.deletionTimestamp)
          return [{ name: metadata.name, text: `${what} is being deleted, and goes once no pod uses it` }];
        if (status?.phase === 'Bound') return [];
        const why = warnings.find(
          ({ object }) => object === `PersistentVolumeClaim/${metadata.name}`,
        )?.message;
        const from = spec?.storageClassName ? `StorageClass ${spec.storageClassName}` : 'no StorageClass';
        return [
          {
            name: metadata.name,
            text: `${what} (${from}) is ${status?.phase ?? 'Pending'}${why ? `: ${why}` : ''}`,
          },
        ];
      });
      if (claims.length === 0) return undefined;
      return troubles.length === 0
        ? ok(`${plural(claims.length, 'claim')} bound`)
        : failed(
            troubles.map(({ text }) => text),
            `kubectl -n ${namespace} describe pvc ${troubles[0]?.name}`,
          );
    },
  }),
  ask({
    id: 'volumes',
    group: GROUP,
    asks: 'Have the volumes of database and media room?',
    rule: 'failed: 95% are used; warning: 80%',
    mend: 'Raise `spec.database.managed.storage.size` or `spec.media.storage.size`.',
    source:
      'the kubelets (get nodes/proxy), else `kubectl exec` of `df` in the pods (create pods/exec): nothing else knows it',
    needs: ['volumes'],
    judge: ({ volumes }) =>
      worst(
        volumes.map(({ claim, usedBytes, capacityBytes }) => {
          const share = usedBytes / capacityBytes;
          const evidence = `PersistentVolumeClaim ${claim} is ${Math.round(share * 100)}% full`;
          const remedy = claim.endsWith('-media')
            ? 'raise spec.media.storage.size, or set spec.media.garbageCollection'
            : 'raise spec.database.managed.storage.size, or set spec.messageRetention';
          if (share >= VOLUME.failed) return failed(evidence, remedy);
          return share >= VOLUME.warning ? warning(evidence, remedy) : ok(evidence);
        }),
      ),
  }),
];
