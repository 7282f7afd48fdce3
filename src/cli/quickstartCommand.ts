import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { type KubeObject, kinds } from '../kube/kubeObject.ts';
import { down, up } from '../local/cluster.ts';
import { lowPortOffset } from '../local/lowPorts.ts';
import { createProgress } from '../local/progress.ts';
import { names } from '../plan/names.ts';
import { webappHost } from '../plan/stackSettings.ts';
import { readJournal } from '../reconcile/journalStore.ts';
import type { SecretObject } from '../reconcile/referencedSecrets.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { systemClock } from '../runtime/clock.ts';
import type { CliContext } from './cliContext.ts';
import { type ClusterAccess, openCluster } from './clusterAccess.ts';
import { DEFAULT_CLUSTER, localClusterOptions } from './localCommand.ts';
import { install, type QuickstartOptions, sendOne, uninstall, waitUntilReady } from './quickstart.ts';

export function quickstartCommand(context: CliContext): Command {
  return new Command('quickstart')
    .description(
      'from nothing to a Ready stack that has sent a message; `quickstart down` removes everything',
    )
    .argument('[action]', 'up or down', 'up')
    .option('--kubeconfig <file>', 'use this cluster instead of a local one')
    .option('--name <name>', 'name of the local cluster', DEFAULT_CLUSTER)
    .action(async (action: string, { kubeconfig, name }) => {
      if (action !== 'up' && action !== 'down') throw new Error(`quickstart ${action}: say up or down`);
      const local = localClusterOptions(context, name);
      const options = (access: ClusterAccess): QuickstartOptions => ({
        client: access.client,
        projectFolder: dirname(context.distFolder),
        operatorImage: `waba-operator:${context.version}`,
        clock: systemClock,
        progress: createProgress(context.stderr),
      });
      if (action === 'down') {
        if (kubeconfig) await uninstall(options(await openCluster({ kubeconfig }, context)), context.signal);
        else await down(local, context.signal);
        return;
      }
      const cluster = kubeconfig
        ? { kubeconfig, kubectl: 'kubectl', local: false }
        : { ...(await up(local, context.signal)), local: true };
      const access = await openCluster({ kubeconfig: cluster.kubeconfig }, context);
      await install(options(access), context.signal);
      const resource = await waitUntilReady(options(access), context.signal);
      await sendOne(
        options(access),
        resource,
        (line) => void context.stdout.write(`${line}\n`),
        context.signal,
      );
      context.stdout.write(await summary(access, resource, cluster, context));
    });
}

async function summary(
  access: ClusterAccess,
  resource: WhatsAppDeployment,
  cluster: { kubeconfig: string; kubectl: string; local: boolean },
  context: CliContext,
): Promise<string> {
  const { kubeconfig, kubectl, local } = cluster;
  const { namespace } = resource.metadata;
  const of = names(resource.metadata.name);
  const get = (name: string) =>
    access.client.get<SecretObject>(kinds.Secret, namespace, name, context.signal);
  const journal = readJournal(await get(of.journal));
  const host = webappHost(resource);
  const lines = [
    '',
    `WhatsAppDeployment ${resource.metadata.name} is Ready.`,
    '',
    `  export KUBECONFIG=${kubeconfig}`,
    `  ${kubectl} get wad`,
    `  ${kubectl} logs deploy/webhook-receiver -f        # webhooks as they arrive`,
    `  node dist/kubectl-waba.js status ${resource.metadata.name}          # the stack as a tree`,
  ];
  if (local) {
    const caFile = join(dirname(kubeconfig), 'webapp-ca.pem');
    await writeFile(caFile, journal.webappCa ?? '');
    const service = await access.client.get<KubeObject & { spec: { clusterIP: string } }>(
      kinds.Service,
      namespace,
      of.webapp,
      context.signal,
    );
    const port = 443 + lowPortOffset();
    const api = `curl --cacert ${caFile} --connect-to ${host}:443:${service.spec.clusterIP}:${port}`;
    lines.push(
      '',
      'The API, verified against the CA that it generated:',
      '',
      `  PASSWORD=$(${kubectl} get secret ${of.adminSecret} -o jsonpath='{.data.password}' | base64 -d)`,
      `  ${api} -X POST -u "admin:$PASSWORD" https://${host}/v1/users/login`,
      `  ${api} -H "Authorization: Bearer $TOKEN" https://${host}/v1/messages -d '{"to":"${'16505551234'}","type":"text","text":{"body":"Hello"}}'`,
    );
  }
  lines.push('', '  npm run quickstart -- down                        # removes everything', '');
  return `${lines.join('\n')}\n`;
}
