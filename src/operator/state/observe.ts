import { type KubeObject, keyOf } from '../../engine/kube/kubeObject.ts';
import { labels, MANAGED_BY, NETWORK } from '../plan/facts/names.ts';
import type { ApiObservation, Observation } from '../plan/facts/observed.ts';
import { childKey } from '../plan/render/child.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { JournalStore } from './journalStore.ts';
import { type PodObject, podView } from './podView.ts';
import type { ReferencedSecrets } from './referencedSecrets.ts';
import { parsedStacks, referencedSecretNames, type StackSources } from './stackSources.ts';

export interface ObserveContext {
  readonly sources: StackSources;
  readonly journals: JournalStore;
  readonly referenced: ReferencedSecrets;
  /** Why the operator cannot read all of a namespace; unless it is empty, nothing in the namespace is changed. */
  readonly missing: (namespace: string) => readonly string[];
  /** The last observation of the application controller, by key. */
  readonly observations: ReadonlyMap<string, ApiObservation>;
}

/** Reads caches; calls the API server only for a referenced Secret that has changed. */
export async function observe(
  resource: WhatsAppDeployment,
  context: ObserveContext,
  signal: AbortSignal,
): Promise<Observation> {
  const { sources, journals, referenced, observations } = context;
  const key = keyOf(resource as unknown as KubeObject);
  const { namespace } = resource.metadata;
  const shared = `${namespace}/${NETWORK.name}`;
  const children = sources.children.flatMap(({ cache }) => [
    ...cache.byIndex('stack', key),
    ...cache.byIndex('stack', shared),
  ]);
  return {
    resource,
    stacks: parsedStacks(sources.stacks.cache.byIndex('namespace', namespace)).filter(
      ({ metadata }) => !metadata.deletionTimestamp,
    ),
    sameNumber: parsedStacks(sources.stacks.cache.byIndex('number', resource.spec.phoneNumber)),
    children: new Map(children.map((object) => [childKey(object), object])),
    pods: sources.pods.cache.byIndex('stack', key).map((pod) => podView(pod as PodObject)),
    referenced: await referenced.read(namespace, referencedSecretNames(resource), signal),
    journal: journals.read(resource),
    api: observations.get(key),
  };
}

/** Whether an object with the name of a child belongs to this stack, so that the operator may change it. */
export const belongsTo =
  (resource: WhatsAppDeployment) =>
  (live: KubeObject): boolean => {
    const marks = live.metadata.labels ?? {};
    const [[managed, operator]] = Object.entries(MANAGED_BY) as [[string, string]];
    return (
      marks[managed] === operator &&
      [resource.metadata.name, NETWORK.name].includes(marks[labels.instance] ?? '')
    );
  };
