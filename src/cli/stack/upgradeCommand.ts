import { Command } from 'commander';
import { CodedError } from '../../base/codedError.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../../operator/state/stackSources.ts';
import { type ClusterAccess, type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isColoured } from '../isColoured.ts';
import { followRollout } from './followRollout.ts';
import { forecastOf } from './forecastOf.ts';
import { forecastText } from './forecastText.ts';
import { APPROVE_OPTION, approve, getStack, parseStack, patchSpec } from './getStack.ts';

interface UpgradeOptions extends ClusterOptions {
  readonly to: string;
  readonly webappImage?: string;
  readonly coreappImage?: string;
  readonly dryRun?: boolean;
  readonly approve?: boolean;
  readonly wait: boolean;
}

export function upgradeCommand(context: CliContext): Command {
  return clusterOptions(new Command('upgrade'))
    .description('change the client version of a stack: shows what follows, then the progress')
    .argument('<name>', 'the WhatsAppDeployment')
    .requiredOption('--to <version>', 'the client version for spec.version, such as v2.59.1')
    .option('--webapp-image <image>', 'image of the Webapps with this version (spec.images.webapp)')
    .option(
      '--coreapp-image <image>',
      'image of Masters and Coreapps with this version (spec.images.coreapp)',
    )
    .option('--dry-run', 'only show what would follow')
    .option(...APPROVE_OPTION)
    .option('--no-wait', 'do not follow the rollout')
    .action(async (name: string, options: UpgradeOptions) => {
      const access = await context.openCluster(options);
      const stored = await getStack(access, name, context);
      const change = specOf(stored, options);
      const target = { namespace: access.namespace, name, dryRun: true };
      const answer = await access.client.mergePatch<KubeObject>(
        WhatsAppDeploymentKind,
        target,
        { spec: change },
        context.signal,
      );
      await preview(access, { resource: parseStack(answer), stored }, context);
      if (options.dryRun) return;
      const patched = parseStack(await patchSpec(access, stored, change, context));
      if (options.approve) await approve(access, patched, context);
      context.stdout.write(`spec.version of ${name} is now ${options.to}\n`);
      if (options.wait) await followRollout(access, patched.metadata, context);
      else context.stdout.write(`\`kubectl waba status ${name}\` shows the progress\n`);
    });
}

/** The fields of spec that change. The vendor's images hold one version each, so they change with it. */
function specOf({ metadata, spec }: WhatsAppDeployment, options: UpgradeOptions): object {
  const { to, webappImage: webapp, coreappImage: coreapp } = options;
  if ((webapp === undefined) !== (coreapp === undefined))
    throw new CodedError('Usage', 'upgrade needs --webapp-image and --coreapp-image together');
  if (spec.images?.webapp && webapp === undefined && spec.version !== to)
    throw new CodedError(
      'Usage',
      `spec.images of ${metadata.name} names the images of ${spec.version ?? 'the present version'}; name those of ${to} with --webapp-image and --coreapp-image`,
    );
  return { version: to, ...(webapp === undefined ? {} : { images: { webapp, coreapp } }) };
}

/** Shows what follows. @throws CodedError `DowngradeRefused` with the operator's words */
async function preview(
  access: ClusterAccess,
  change: { readonly resource: WhatsAppDeployment; readonly stored: WhatsAppDeployment },
  context: CliContext,
): Promise<void> {
  const forecast = await forecastOf(access, change, new Map(), context);
  const refused = forecast.waits.find(({ action }) => action === 'DowngradeRefused');
  if (refused) throw new CodedError('DowngradeRefused', refused.reason);
  context.stdout.write(forecastText(forecast, { colour: isColoured(context, context.stdout), diff: false }));
}
