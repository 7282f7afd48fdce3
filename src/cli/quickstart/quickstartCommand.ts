import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Argument, Command } from 'commander';
import { systemClock } from '../../base/clock.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { down, status, up } from '../../local/cluster.ts';
import { lowPortOffset } from '../../local/lowPorts.ts';
import { createProgress } from '../../local/progress.ts';
import { names } from '../../operator/plan/facts/names.ts';
import type { SecretObject } from '../../operator/plan/facts/secrets.ts';
import { webappHost } from '../../operator/plan/facts/stackSettings.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { readJournal } from '../../operator/state/journalStore.ts';
import type { ClusterAccess, ClusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { DEFAULT_CLUSTER, demandCheckout, localClusterOptions } from '../localClusterOptions.ts';
import { buildImages, imageName, TARGETS } from './containerImages.ts';
import { isKindThere, kindDown, kindUp, loadImages, makeMediaVolumes } from './kindCluster.ts';
import { install, type QuickstartOptions, sendOne, waitUntilReady } from './quickstart.ts';
import { uninstall } from './uninstall.ts';

export function quickstartCommand(context: CliContext): Command {
  return new Command('quickstart')
    .description(
      'create a cluster with a Ready stack, and send a message; `quickstart down` removes everything',
    )
    .addArgument(new Argument('[action]', 'create or remove').choices(['up', 'down']).default('up'))
    .option('--local', 'run pods as processes of this machine instead of in kind; needs no container engine')
    .option(
      '--kubeconfig <file>',
      'use the cluster of this kubeconfig; its nodes must be able to pull the images',
    )
    .option('--context <name>', 'use the cluster of this context of the kubeconfig')
    .option('--name <name>', 'name of the cluster to create', DEFAULT_CLUSTER)
    .option('--database-image <image>', 'image of the managed database (default: the image of the release)')
    .action(async (action: 'up' | 'down', flags: QuickstartFlags) => {
      demandCheckout(context);
      const options = (access: ClusterAccess): QuickstartOptions => ({
        client: access.client,
        namespace: 'default',
        projectFolder: dirname(context.distFolder),
        operatorImage: imageName('operator', context.version),
        databaseImage: flags.databaseImage,
        clock: systemClock,
        progress: createProgress(context.stderr),
      });
      const place = await choosePlace(flags, context);
      if (action === 'down') {
        if (place === 'given') await uninstall(options(await context.openCluster(flags)), context.signal);
        else if (place === 'kind') await kindDown(kindOptions(flags, context), context.signal);
        else await down(localClusterOptions(context, flags.name), context.signal);
        return;
      }
      const cluster = await openPlace(place, flags, context);
      const access = await context.openCluster(cluster);
      if (place === 'kind') await makeMediaVolumes(access.client, context.signal);
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

interface QuickstartFlags extends ClusterOptions {
  readonly local?: boolean;
  readonly name: string;
  readonly databaseImage?: string;
}

/** Where the stack runs: in the given cluster, in kind, or as processes of this machine. */
type Place = 'given' | 'kind' | 'processes';

interface QuickstartCluster extends ClusterOptions {
  readonly place: Place;
  readonly kubectl: string;
}

async function choosePlace(flags: QuickstartFlags, context: CliContext): Promise<Place> {
  if (flags.kubeconfig || flags.context) return 'given';
  // A later run continues with the cluster of an earlier one.
  const isThere = (await status(context.env, flags.name)).length > 0;
  if (flags.local || isThere) return 'processes';
  if (await isKindThere(context.signal)) return 'kind';
  context.stderr.write(
    'Docker or kind is not available: running pods as processes of this machine (--local)\n',
  );
  return 'processes';
}

async function openPlace(
  place: Place,
  flags: QuickstartFlags,
  context: CliContext,
): Promise<QuickstartCluster> {
  if (place === 'given') return { ...flags, place, kubectl: 'kubectl' };
  if (place === 'processes') {
    const { kubeconfig, kubectl } = await up(localClusterOptions(context, flags.name), context.signal);
    return { place, kubeconfig, kubectl };
  }
  const kind = kindOptions(flags, context);
  await buildImages(
    {
      projectFolder: dirname(context.distFolder),
      version: context.version,
      env: context.env,
      now: new Date(systemClock.now()),
      progress: kind.progress,
    },
    context.signal,
  );
  const { kubeconfig } = await kindUp(kind, context.signal);
  const images = TARGETS.map((target) => imageName(target, context.version));
  const own = flags.databaseImage ? [flags.databaseImage] : [];
  await loadImages(kind, [...images, ...own], context.signal);
  return { place, kubeconfig, kubectl: 'kubectl' };
}

const kindOptions = ({ name }: QuickstartFlags, context: CliContext) => ({
  name,
  workers: 0,
  env: context.env,
  progress: createProgress(context.stderr),
});

/** What to try next. Writes the CA of the API beside the kubeconfig, for the calls with curl. */
async function summary(
  access: ClusterAccess,
  resource: WhatsAppDeployment,
  cluster: QuickstartCluster,
  context: CliContext,
): Promise<string> {
  const { kubeconfig, kubectl } = cluster;
  const { name, namespace } = resource.metadata;
  const caFile = join(kubeconfig ? dirname(kubeconfig) : '.', 'webapp-ca.pem');
  const journal = await access.client.get<SecretObject>(
    kinds.Secret,
    namespace,
    names(name).journal,
    context.signal,
  );
  if (kubeconfig) await writeFile(caFile, readJournal(journal).webappCa ?? '');
  const lines = [
    '',
    `WhatsAppDeployment ${name} is Ready.`,
    '',
    ...(kubeconfig ? [`  export KUBECONFIG=${kubeconfig}`] : []),
    `  ${kubectl} get wad`,
    `  ${kubectl} logs deploy/webhook-receiver -f        # callbacks as they arrive`,
    `  node dist/kubectl-waba.js status ${name}          # the stack as a tree`,
    '',
    'Call the API, verified against the CA that the stack generated:',
    '',
    ...(await curlLines(access, resource, cluster, caFile, context.signal)),
    '',
    '  npm run quickstart -- down                        # removes everything',
    '',
  ];
  return `${lines.join('\n')}\n`;
}

/** Calls of the API: directly where this machine is the network of the cluster, else through a forwarded port. */
async function curlLines(
  access: ClusterAccess,
  resource: WhatsAppDeployment,
  { place, kubectl }: QuickstartCluster,
  caFile: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { name, namespace } = resource.metadata;
  const { webapp, adminSecret } = names(name);
  const host = webappHost(resource);
  let address = '127.0.0.1:8443';
  if (place === 'processes') {
    const { spec } = await access.client.get<KubeObject & { spec: { clusterIP: string } }>(
      kinds.Service,
      namespace,
      webapp,
      signal,
    );
    address = `${spec.clusterIP}:${443 + lowPortOffset()}`;
  }
  const curl = `curl --cacert ${caFile} --connect-to ${host}:443:${address}`;
  const message = '{"to":"16505551234","type":"text","text":{"body":"Hello"}}';
  return [
    ...(place === 'processes' ? [] : [`  ${kubectl} port-forward svc/${webapp} 8443:443 &`]),
    `  PASSWORD=$(${kubectl} get secret ${adminSecret} -o jsonpath='{.data.password}' | base64 -d)`,
    `  ${curl} -X POST -u "admin:$PASSWORD" https://${host}/v1/users/login`,
    `  ${curl} -H "Authorization: Bearer $TOKEN" https://${host}/v1/messages -d '${message}'`,
  ];
}
