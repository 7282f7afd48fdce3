import { isForbidden } from '../../engine/kube/apiError.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import type { Observed } from '../../operator/plan/facts/observed.ts';
import type { PodSecurity } from '../../operator/plan/facts/podSecurity.ts';
import { DATABASE_IMAGES, type ReleaseImages } from '../../operator/plan/facts/release.ts';
import type { SecretObject } from '../../operator/plan/facts/secrets.ts';
import type { Forecast } from '../../operator/plan/foresee/forecast.ts';
import { foresee } from '../../operator/plan/foresee/foresee.ts';
import { managedEngines } from '../../operator/resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import type { ClusterAccess } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { findOperator } from '../namespaceCommand.ts';
import { lookAtStack } from './lookAtStack.ts';

/** Foresees what follows if the resource becomes what it is here. */
export async function forecastOf(
  access: ClusterAccess,
  change: { readonly resource: WhatsAppDeployment; readonly stored: WhatsAppDeployment | undefined },
  given: ReadonlyMap<string, SecretObject>,
  context: CliContext,
): Promise<Forecast> {
  const { resource, stored } = change;
  const inNamespace = { ...access, namespace: resource.metadata.namespace };
  const look = await lookAtStack({ access: inNamespace, context }, resource, stored, given);
  const release = await offeredRelease(access, look.observed, context);
  const forecast = foresee({
    observed: { ...look.observed, podSecurity: release.podSecurity },
    offered: release.images,
    before: stored,
    hidden: look.hidden,
    unseen: [...look.unseen, ...release.unseen],
  });
  return withoutKinds(forecast, look.unreadable);
}

/** Objects of a kind that the user may not list look as if they did not exist. */
function withoutKinds(forecast: Forecast, unreadable: ReadonlySet<string>): Forecast {
  const isHidden = (target: string): boolean => {
    const [kind = ''] = target.split('/');
    return unreadable.has(kind) || (kind === 'Pod' && unreadable.has('StatefulSet'));
  };
  return { ...forecast, entries: forecast.entries.filter(({ target }) => !isHidden(target)) };
}

interface Offered {
  readonly images: ReleaseImages;
  readonly podSecurity?: PodSecurity;
  readonly unseen: readonly string[];
}

/** What the installed operator ships and allows, from the options of its Deployment. */
async function offeredRelease(
  { client }: ClusterAccess,
  { journal }: Observed,
  { signal, version }: CliContext,
): Promise<Offered> {
  const known = journal?.release;
  const fallback: ReleaseImages = {
    stack: known?.stack ?? `ghcr.io/waba-operator/waba-stack:${version}`,
    database: managedEngines.PostgreSQL.image,
    ...(known?.database ? { [DATABASE_IMAGES[known.databaseEngine ?? 'PostgreSQL']]: known.database } : {}),
  };
  try {
    const { namespace, name } = await findOperator(client, undefined, signal);
    const deployment = await client.get(kinds.Deployment, namespace, name, signal);
    const option = (key: string) => optionOf(deployment, key);
    const shipped = ['stack', ...Object.values(DATABASE_IMAGES)].flatMap((image) => {
      const value = option(`${image}-image`);
      return value === undefined ? [] : [[image, value]];
    });
    const images: ReleaseImages = { ...fallback, ...Object.fromEntries(shipped) };
    const podSecurity = option('pod-security') === 'Unrestricted' ? 'Unrestricted' : 'Restricted';
    return { images, podSecurity, unseen: [] };
  } catch (error) {
    signal.throwIfAborted();
    const why = isForbidden(error) ? 'not permitted' : 'not found';
    const unseen = `could not look at the Deployment of the operator (${why}), so images that only a new operator version ships are not foreseen`;
    return { images: fallback, unseen: [unseen] };
  }
}

function optionOf({ spec }: KubeObject, name: string): string | undefined {
  const { template } = (spec ?? {}) as {
    readonly template?: {
      readonly spec?: { readonly containers?: readonly { readonly args?: readonly string[] }[] };
    };
  };
  const args = template?.spec?.containers?.flatMap((container) => container.args ?? []) ?? [];
  return args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
}
