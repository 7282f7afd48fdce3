import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { labels, MANAGED_SELECTOR } from '../../operator/plan/facts/names.ts';
import type { ClusterAccess } from '../clusterAccess.ts';

type EventObject = KubeObject & {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
};

/** An event of a stack or of something that belongs to it. */
export interface StackEvent {
  readonly time: string;
  readonly type: string;
  readonly reason: string;
  /** Kind and name, such as `Pod/shop-webapp-0`. */
  readonly object: string;
  readonly message: string;
  readonly count: number;
}

/** Kinds whose objects have events that matter, besides the stack itself. */
const OWNERS = [kinds.Pod, kinds.StatefulSet, kinds.Deployment, kinds.Job, kinds.PersistentVolumeClaim];

/** The events of a stack and its objects, oldest first. Events of pods that are gone are left out. */
export async function eventsOf(
  { client }: ClusterAccess,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<StackEvent[]> {
  const labelSelector = `${MANAGED_SELECTOR},${labels.instance}=${name}`;
  const own = new Set([`WhatsAppDeployment/${name}`]);
  for (const kind of OWNERS)
    for (const { metadata } of (await client.list(kind, { namespace, labelSelector }, signal)).items)
      own.add(`${kind.kind}/${metadata.name}`);
  const { items } = await client.list<EventObject>(kinds.Event, { namespace }, signal);
  return items
    .map(
      ({ metadata, type, reason, message, count, lastTimestamp, eventTime, involvedObject }): StackEvent => ({
        time: lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '',
        type: type ?? 'Normal',
        reason: reason ?? '',
        object: `${involvedObject?.kind}/${involvedObject?.name}`,
        message: message ?? '',
        count: count ?? 1,
      }),
    )
    .filter(({ object }) => own.has(object))
    .sort((a, b) => a.time.localeCompare(b.time));
}
