import { Command } from 'commander';
import { CodedError } from '../../base/codedError.ts';
import { kinds } from '../../engine/kube/kubeObject.ts';
import { labels } from '../../operator/plan/facts/names.ts';
import type { ManagedEngine } from '../../operator/resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { type ClusterOptions, clusterFlags, clusterOptions } from '../clusterAccess.ts';
import { CommandExit } from '../commandExit.ts';
import type { CliContext } from '../context.ts';
import { runAttached } from '../program.ts';
import { getStack } from './getStack.ts';

type Client = 'psql' | 'mysql';

/** The pod has the password as a variable, so it appears in no argument list and not on this machine. */
const SCRIPTS: Readonly<Record<ManagedEngine, { readonly client: Client; readonly script: string }>> = {
  PostgreSQL: { client: 'psql', script: 'exec psql -U "$POSTGRES_USER" "$@"' },
  MySQL: { client: 'mysql', script: 'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" exec mysql -u root "$@"' },
  MariaDB: { client: 'mysql', script: 'MYSQL_PWD="$MARIADB_ROOT_PASSWORD" exec mariadb -u root "$@"' },
};

export function databaseCommand(context: CliContext, client: Client): Command {
  const servers = client === 'psql' ? 'PostgreSQL' : 'MySQL or MariaDB';
  return clusterOptions(new Command(client))
    .description(`open a client of the managed ${servers} of a stack, in the pod of the database`)
    .argument('<name>', 'the WhatsAppDeployment')
    .argument('[arguments...]', `arguments of ${client}, after --`)
    .action(async (name: string, args: string[], options: ClusterOptions) => {
      const access = await context.openCluster(options);
      const stack = await getStack(access, name, context);
      const script = scriptOf(stack, client);
      const labelSelector = `${labels.instance}=${name},${labels.component}=database`;
      const { namespace } = access;
      const { items } = await access.client.list(kinds.Pod, { namespace, labelSelector }, context.signal);
      const pod = items[0]?.metadata.name;
      if (!pod)
        throw new CodedError(
          'NotReady',
          `the database of ${name} has no pod; \`kubectl waba status ${name}\` shows what the operator waits for`,
        );
      // Without a terminal, kubectl would warn about one.
      const terminal = (context.stdin as NodeJS.ReadStream).isTTY ? '-it' : '-i';
      const command = ['--', 'sh', '-c', script, client, ...args];
      const flags = [...clusterFlags(options), '-n', namespace];
      const code = await runAttached(
        'kubectl',
        ['exec', terminal, ...flags, pod, ...command],
        context.signal,
      );
      if (code !== 0) throw new CommandExit(code);
    });
}

/** @throws CodedError `Usage` for another engine, `NotManaged` for a server that the operator does not run */
function scriptOf({ metadata, spec }: WhatsAppDeployment, wanted: Client): string {
  const { managed, external } = spec.database;
  if (external)
    throw new CodedError(
      'NotManaged',
      `spec.database.external of ${metadata.name} names the server ${external.host}; connect to it with your own client`,
    );
  const engine = managed?.engine ?? 'PostgreSQL';
  const { client, script } = SCRIPTS[engine];
  if (client !== wanted)
    throw new CodedError(
      'Usage',
      `the database of ${metadata.name} is ${engine}: use \`kubectl waba ${client} ${metadata.name}\``,
    );
  return script;
}
