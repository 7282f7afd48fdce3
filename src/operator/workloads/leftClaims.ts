import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { clusterChoice } from '../plan/facts/databaseCluster.ts';
import { labels } from '../plan/facts/names.ts';
import { databaseClusters } from '../resource/databaseClusters.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { StackSources } from '../state/stackSources.ts';

/**
 * The volumes of a created database cluster that the other operator does not delete with it. A new stack of the same name
 * would find them, and not know the password of the data. @throws what the API server answers
 */
export async function leftClaims(
  resource: WhatsAppDeployment,
  { sources, client }: { readonly sources: Pick<StackSources, 'clusters'>; readonly client: KubeClient },
  signal: AbortSignal,
): Promise<KubeObject[]> {
  const choice = clusterChoice(resource);
  const selector = choice && databaseClusters[choice.field].leftClaims;
  if (!choice?.isOurs || !selector) return [];
  const { namespace, name } = resource.metadata;
  const cluster = sources.clusters[choice.field]?.cache.get(`${namespace}/${choice.name}`);
  // Somebody else made a cluster of this name.
  if (cluster && cluster.metadata.labels?.[labels.instance] !== name) return [];
  const { items } = await client.list<KubeObject>(
    kinds.PersistentVolumeClaim,
    { namespace, labelSelector: selector(choice.name) },
    signal,
  );
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}
