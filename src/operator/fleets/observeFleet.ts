import { type KubeObject, keyOf } from '../../engine/kube/kubeObject.ts';
import { FLEET_CHANGE } from '../plan/facts/names.ts';
import { fleetKey } from '../plan/fleet/fleetTarget.ts';
import type { FleetObserved } from '../plan/fleet/planFleet.ts';
import { hasLabels } from '../plan/fleet/ringsOf.ts';
import type { FleetStack, MessageCount } from '../plan/fleet/stackStage.ts';
import { parseWhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { ALL_NAMESPACES, parseWhatsAppFleet, type WhatsAppFleet } from '../resource/whatsAppFleet.ts';
import type { StackSources } from '../state/stackSources.ts';

export interface FleetsContext {
  readonly sources: Pick<StackSources, 'stacks' | 'fleets'>;
  /** Namespace of the operator: a fleet there may have stacks of other namespaces. */
  readonly operatorNamespace: string;
  /** Whether other replicas may work on the stacks of other namespaces: they alone count the messages of those. */
  readonly isDivided?: boolean;
  /** Why the operator cannot work in a namespace. */
  readonly missing: (namespace: string) => readonly string[];
  /** Messages of a stack since a change, by the value of the annotation of the change. */
  readonly messages: (key: string, change: string) => MessageCount | undefined;
  /** Why the API server refused the last change of a stack, in this attempt of this fleet. */
  readonly refused: (fleet: WhatsAppFleet, stack: string) => string | undefined;
}

/** The fleets that parse and are not being deleted. */
export const parsedFleets = ({ fleets }: FleetsContext['sources']): WhatsAppFleet[] =>
  fleets.cache.list().flatMap((object) => {
    const parsed = parseWhatsAppFleet(object);
    return parsed.ok && !parsed.resource.metadata.deletionTimestamp ? [parsed.resource] : [];
  });

/** What the caches hold about a fleet; undefined if it is gone or does not parse. */
export function observeFleet(key: string, context: FleetsContext, nowMs: number): FleetObserved | undefined {
  const fleets = parsedFleets(context.sources);
  const fleet = fleets.find(({ metadata }) => fleetKey(metadata) === key);
  if (!fleet) return undefined;
  const notAllowed = obstacleOf(fleet, context);
  if (notAllowed !== undefined) return { fleet, stacks: [], notAllowed, nowMs };
  const older = fleets.filter((other) => isOlder(other, fleet) && obstacleOf(other, context) === undefined);
  const stacks = stacksOf(fleet, context.sources).map((object) => fleetStack(object, fleet, older, context));
  return { fleet, stacks, nowMs };
}

/** Whether a fleet has a stack: by labels and namespace. */
export function isInFleet({ metadata }: KubeObject, { spec, metadata: own }: WhatsAppFleet): boolean {
  const { namespace = '', labels = {} } = metadata;
  const namespaces = spec.namespaces ?? [own.namespace];
  return (
    (namespaces.includes(namespace) || namespaces.includes(ALL_NAMESPACES)) &&
    hasLabels(labels, spec.selector?.matchLabels ?? {})
  );
}

function stacksOf(fleet: WhatsAppFleet, { stacks }: FleetsContext['sources']): KubeObject[] {
  const namespaces = fleet.spec.namespaces ?? [fleet.metadata.namespace];
  const candidates = namespaces.includes(ALL_NAMESPACES)
    ? stacks.cache.list()
    : [...new Set(namespaces)].flatMap((namespace) => stacks.cache.byIndex('namespace', namespace));
  return candidates.filter((object) => !object.metadata.deletionTimestamp && isInFleet(object, fleet));
}

/** Whoever may create a fleet in a namespace may not be allowed to change the stacks of another. */
function obstacleOf(
  { metadata: { namespace }, spec }: WhatsAppFleet,
  { operatorNamespace, isDivided, missing }: FleetsContext,
): string | undefined {
  const [obstacle] = missing(namespace);
  if (obstacle !== undefined) return obstacle;
  const others = (spec.namespaces ?? []).filter((name) => name !== namespace);
  if (others.length === 0) return undefined;
  if (namespace === operatorNamespace)
    return isDivided && spec.health.maxFailedMessagesPercent !== undefined
      ? `spec.health.maxFailedMessagesPercent cannot be judged in other namespaces while replicas of the operator share the work; remove it, make a fleet in each namespace, or install the operator with sharding.shards=1`
      : undefined;
  return `spec.namespaces names ${others.join(', ')}; only a fleet in namespace ${operatorNamespace}, that of the operator, may have stacks of other namespaces`;
}

function isOlder({ metadata: a }: WhatsAppFleet, { metadata: b }: WhatsAppFleet): boolean {
  const [aMs, bMs] = [Date.parse(a.creationTimestamp), Date.parse(b.creationTimestamp)];
  return aMs === bMs ? fleetKey(a) < fleetKey(b) : aMs < bMs;
}

function fleetStack(
  object: KubeObject,
  fleet: WhatsAppFleet,
  older: readonly WhatsAppFleet[],
  { messages, refused }: FleetsContext,
): FleetStack {
  const key = keyOf(object);
  const { labels = {}, annotations = {} } = object.metadata;
  const parsed = parseWhatsAppDeployment(object);
  const other = older.find((candidate) => isInFleet(object, candidate));
  const change = annotations[FLEET_CHANGE];
  return {
    key,
    labels,
    resource: parsed.ok ? parsed.resource : undefined,
    otherFleet: other && fleetKey(other.metadata),
    refused: refused(fleet, key),
    messages: change === undefined ? undefined : messages(key, change),
  };
}
