import type { Clock } from '../../src/base/clock.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import type { StoredEvent } from '../../src/engine/simulation/simulatedApiServer.ts';
import { counts } from '../../src/operator/plan/facts/stackSettings.ts';
import type { Condition } from '../../src/operator/resource/status.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import {
  type ClusterAccess,
  isReady,
  isTerminating,
  type PodObject,
} from '../simulation/workloads/clusterAccess.ts';
import { ownerNameOf, podsIn } from '../simulation/workloads/kubelet.ts';
import { type Flight, isFlight, NAMESPACE } from './rollSimulationProcess.ts';
import { isApproved, outdated, resourceOf, roleOf, STACK, StackKind } from './rollSimulationSpec.ts';
import type { SimulatedStack, StackTruth } from './rollSimulationStack.ts';

/** What must hold whatever happens. */
export const PROPERTIES = {
  oneAtATime: 'never two voluntary disruptions at once, over all roles',
  served: 'no voluntary restart while a shard of the stack is not served',
  standby: 'no voluntary restart of an owner without a healthy standby, where standbys are declared',
  ready: 'Ready is never True while a pod has an older template than the generation asks for',
  approved:
    'no voluntary restart and no other number of shards while the user has not approved the generation',
  converges: 'every accepted spec converges once the faults end',
} as const;
export type Property = keyof typeof PROPERTIES;

export interface Violation {
  readonly property: Property;
  readonly what: string;
}

/**
 * How old an observation of the stack's API may be when a restart is sent. A fault that came after the observation, and
 * within this time, could not be known. Anything older counts as not having looked.
 */
const FRESH_MS = 10_000;
/** A pass over the API of a stack that the faults slow down acts on the resource that it began with. */
const PASS_MS = 30_000;

export interface MonitorContext {
  readonly clock: Clock;
  readonly access: ClusterAccess;
  readonly actor: () => unknown;
  readonly stack: () => SimulatedStack;
}

interface Change {
  readonly revision: number;
  readonly atMs: number;
}

/**
 * Watches the server itself, not what any process believes. A disruption begins when the operator, or a controller on
 * its behalf, deletes a pod that is Ready; it ends when another pod of the same owner is Ready. Webapps are disrupted while
 * such a deletion leaves fewer of them Ready than their Deployment asks for. What users and faults do is no voluntary
 * disruption, and neither is the deletion of a pod that is not Ready.
 */
export class RollMonitor {
  readonly violations: Violation[] = [];
  readonly timeline: string[] = [];
  readonly #context: MonitorContext;
  readonly #startedMs: number;
  /** Disrupted owners, with the UID of the pod that was deleted. */
  readonly #disrupted = new Map<string, string | undefined>();
  /** Changes of pods that a watch shows, and versions of the resource. */
  readonly #podChanges: Change[] = [];
  readonly #versions: (Change & { readonly resource: WhatsAppDeployment })[] = [];
  /** Voluntary restarts of Ready pods. */
  restarts = 0;

  constructor(context: MonitorContext) {
    this.#context = context;
    this.#startedMs = context.clock.monotonic();
    context.access.server.onChange((event) => this.#see(event));
  }

  say(what: string): void {
    const atMs = this.#context.clock.monotonic() - this.#startedMs;
    this.timeline.push(`${(atMs / 1000).toFixed(3).padStart(9)}  ${what}`);
  }

  broke(property: Property, what: string): void {
    if (this.violations.some((known) => known.property === property && known.what === what)) return;
    this.violations.push({ property, what });
    this.say(`!!! ${property}: ${what}`);
  }

  #see(event: StoredEvent): void {
    if (event.object.kind === 'Pod') this.#seePod(event);
    else if (event.object.kind === 'StatefulSet') this.#seeSlot(event);
    else if (event.object.kind === StackKind.kind) this.#seeStack(event);
  }

  #seePod({ type, object, previous, revision }: StoredEvent): void {
    const pod = object as PodObject;
    const { name, uid } = pod.metadata;
    const owner = ownerNameOf(pod);
    const wasReady = previous !== undefined && isReady(previous);
    const isEnding = type === 'DELETED' || isTerminating(pod);
    const wasEnding = previous !== undefined && isTerminating(previous);
    const becameReady = type === 'MODIFIED' && isReady(pod) && !wasReady;
    if (type === 'ADDED' || becameReady || isReady(pod) !== wasReady || isEnding !== wasEnding)
      this.#podChanges.push({ revision, atMs: this.#context.clock.monotonic() });
    if (type === 'ADDED') this.say(`${name} is created`);
    if (becameReady) this.say(`${name} is Ready`);
    if (type === 'MODIFIED' && wasReady && !isReady(pod)) this.say(`${name} is not Ready`);
    if (becameReady && this.#disrupted.has(owner) && this.#disrupted.get(owner) !== uid)
      this.#disrupted.delete(owner);
    if (isEnding && !wasEnding) this.#deleted(previous as PodObject);
    if (type === 'DELETED') this.say(`${name} is gone`);
    if (roleOf(pod) === 'webapp' && this.#missingWebapps(owner) === 0) this.#disrupted.delete(owner);
  }

  /** How many Webapps are Ready below the count of their Deployment. */
  #missingWebapps(owner: string): number {
    const { access } = this.#context;
    const deployment = access.get(kinds.Deployment, NAMESPACE, owner) as
      | (KubeObject & { readonly spec: { readonly replicas: number } })
      | undefined;
    const ready = podsIn(access, NAMESPACE).filter(
      (pod) => ownerNameOf(pod) === owner && isReady(pod) && !isTerminating(pod),
    );
    return Math.max(0, (deployment?.spec.replicas ?? 0) - ready.length);
  }

  #deleted(pod: PodObject): void {
    const actor = this.#context.actor();
    const by = isFlight(actor) ? actor.process : String(actor);
    const { name, uid } = pod.metadata;
    this.say(`${name} is deleted by ${by}${isReady(pod) ? '' : ' (it was not Ready)'}`);
    const isVoluntary = isFlight(actor) || by.includes('-controller: ');
    if (!isVoluntary || !isReady(pod)) return;
    const owner = ownerNameOf(pod);
    if (roleOf(pod) === 'webapp' && this.#missingWebapps(owner) === 0) return;
    this.restarts += 1;
    this.#noOther(owner, `${by} deleted ${name}`);
    this.#disrupted.set(owner, uid);
    this.#judge(pod, isFlight(actor) ? actor : undefined, `${by} deleted ${name}`);
    if (isFlight(actor)) this.#mustBeApproved(actor.seen.stacks, 0, `${by} deleted ${name}`);
  }

  /** A process changes the number of shards; it had seen the resource until this revision. */
  resharded(process: string, shards: number, knownStacks: number): void {
    const what = `operator ${process} changed the number of shards to ${shards}`;
    this.say(what);
    this.#mustBeApproved(knownStacks, PASS_MS, what);
  }

  /** One of the versions of the resource that the process may have acted on must be approved. */
  #mustBeApproved(revision: number, withinMs: number, what: string): void {
    const known = this.#versions.filter((version) => version.revision <= revision);
    const sinceMs = this.#context.clock.monotonic() - withinMs;
    // The last one before that moment was still the present one at that moment.
    const first = Math.max(
      0,
      known.findLastIndex(({ atMs }) => atMs < sinceMs),
    );
    const recent = withinMs === 0 ? known.slice(-1) : known.slice(first);
    if (recent.length > 0 && !recent.some(({ resource }) => isApproved(resource)))
      this.broke('approved', `${what} without approval`);
  }

  #noOther(owner: string, what: string): void {
    const others = [...this.#disrupted.keys()].filter((other) => other !== owner);
    if (others.length > 0) this.broke('oneAtATime', `${what} while ${others.join(', ')} restarted`);
  }

  #seeSlot({ type, object, previous }: StoredEvent): void {
    const { name } = object.metadata;
    const template = (set: KubeObject | undefined) =>
      JSON.stringify((set?.spec as { template?: unknown } | undefined)?.template);
    if (type === 'MODIFIED' && template(object) !== template(previous))
      this.say(`${name} has a new template`);
    const isEnding = type === 'DELETED' || isTerminating(object);
    if (!isEnding || (previous && isTerminating(previous))) return;
    const actor = this.#context.actor();
    if (!isFlight(actor)) return;
    const what = `${actor.process} removed ${name}`;
    this.say(what);
    this.#noOther(name, what);
    this.#disrupted.delete(name);
    const pod = podsIn(this.#context.access, NAMESPACE).find((one) => ownerNameOf(one) === name);
    const isOwner = (truth: StackTruth | undefined) => truth?.owners.has(pod?.metadata.uid ?? '') === true;
    if (pod && isOwner(this.#context.stack().truth) && !(this.#isFresh(actor) && !isOwner(actor.api)))
      this.broke('standby', `${what}, the owner of a shard`);
  }

  /** Judges a voluntary restart of a node or of the database. */
  #judge(pod: PodObject, flight: Flight | undefined, what: string): void {
    const resource = this.#declared(flight);
    if (!resource || roleOf(pod) === 'webapp') return;
    const { shards, coreapps } = counts(resource);
    const { truth } = this.#context.stack();
    const uid = pod.metadata.uid ?? '';
    // The shards that the stack has: those that are declared beyond them serve nobody yet, and may be refused.
    const unserved = (of: StackTruth) =>
      Array.from({ length: of.shards }, (_, shard) => shard).filter((shard) => !of.served.has(shard));
    const excused = (holds: (truth: StackTruth) => boolean) =>
      flight?.api !== undefined && this.#isFresh(flight) && holds(flight.api);
    const missing = unserved(truth);
    if (missing.length > 0 && !excused((seen) => unserved(seen).length === 0))
      this.broke('served', `${what} while shard ${missing.join(', ')} was not served`);
    const exposes = ({ owners, standbys }: StackTruth) =>
      owners.has(uid) && [...standbys].every((standby) => standby === uid);
    if (coreapps > shards && exposes(truth) && !excused((seen) => !exposes(seen)))
      this.broke('standby', `${what}, which owned a shard, without a healthy standby`);
  }

  /**
   * The window of honest ignorance: what changed after the health that the process received last was read. The window is
   * open only if that was at most `FRESH_MS` before the request left, and if it was after every change of a pod that a
   * watch had brought to the process by then, and after every change of the number of shards, which is the operator's own. It ends when the server acts on the request, however late that is.
   */
  #isFresh({ api, sentAtMs, seen }: Flight): boolean {
    if (!api || sentAtMs - api.atMs > FRESH_MS || this.#context.stack().reshardedMs > api.atMs) return false;
    return !this.#podChanges.some(({ revision, atMs }) => revision <= seen.pods && atMs > api.atMs);
  }

  /** The resource as the process knew it when the request left; for a controller, as it is. */
  #declared(flight: Flight | undefined): WhatsAppDeployment | undefined {
    return this.#versions.findLast(({ revision }) => !flight || revision <= flight.seen.stacks)?.resource;
  }

  #seeStack({ type, object, previous, revision }: StoredEvent): void {
    if (type === 'DELETED') return;
    const { generation } = object.metadata;
    const { annotations } = object.metadata;
    const isNew = previous?.metadata.generation !== generation;
    if (isNew || JSON.stringify(previous?.metadata.annotations) !== JSON.stringify(annotations)) {
      const atMs = this.#context.clock.monotonic();
      this.#versions.push({ revision, atMs, resource: resourceOf(object) });
    }
    if (isNew) {
      this.say(`generation ${generation} of ${STACK}`);
    }
    const ready = readyCondition(object);
    const text = (of: Condition | undefined) =>
      `Ready is ${of?.status} for generation ${of?.observedGeneration}: ${of?.message}`;
    if (ready && text(ready) !== text(readyCondition(previous))) this.say(text(ready));
    if (ready?.status !== 'True' || ready.observedGeneration !== generation) return;
    const resource = this.#declared(undefined);
    const old = podsIn(this.#context.access, NAMESPACE)
      .filter((pod) => !isTerminating(pod))
      .flatMap((pod) => (resource && outdated(resource, pod)) ?? []);
    if (old.length > 0)
      this.broke('ready', `Ready is True for generation ${generation}, but ${old.join(', ')}`);
  }
}

export const readyCondition = (stack: KubeObject | undefined): Condition | undefined =>
  (stack?.status as { conditions?: readonly Condition[] } | undefined)?.conditions?.find(
    ({ type }) => type === 'Ready',
  );
