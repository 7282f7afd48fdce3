import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { listed } from '../decide/difference.ts';
import type { WorkloadPlan } from '../decide/workloads.ts';
import { annotations, labels, NODES, podOfSet } from '../facts/names.ts';
import type { PodView } from '../facts/observed.ts';
import { childKey } from '../render/child.ts';
import { fieldChanges } from './fieldChanges.ts';
import type { ForecastEntry } from './forecast.ts';
import type { ModelCluster } from './modelCluster.ts';

const template = (object: KubeObject | undefined): string | undefined =>
  object?.metadata.annotations?.[annotations.template];
const roleOf = ({ metadata }: KubeObject): string | undefined => metadata.labels?.[labels.component];
const replicas = ({ spec }: KubeObject): number => (spec as { replicas?: number } | undefined)?.replicas ?? 1;
const podOf = ({ metadata }: KubeObject): string => `Pod/${podOfSet(metadata.name)}`;
const STOPPED = 'all Webapps, Masters and Coreapps stop before the change (spec.upgrade.strategy)';

/** Writes down what happens to a model, each thing once, in order. */
export class Diary {
  readonly #cluster: ModelCluster;
  readonly #rendered: ReadonlyMap<string, KubeObject>;
  readonly #first: ReadonlyMap<string, KubeObject>;
  /** All objects that ever were. */
  readonly #seen: Map<string, KubeObject>;
  #children: ReadonlyMap<string, KubeObject>;
  #pods: readonly PodView[];
  /** By action and target; the fields of objects are compared in the end. */
  readonly #restarted = new Set<string>();
  readonly #entries = new Map<string, ForecastEntry>();

  constructor(cluster: ModelCluster, rendered: ReadonlyMap<string, KubeObject>) {
    this.#cluster = cluster;
    this.#rendered = rendered;
    this.#first = new Map(cluster.children);
    this.#children = this.#first;
    this.#seen = new Map(this.#first);
    this.#pods = cluster.pods;
  }

  /** Notes what a plan has changed; false if nothing. */
  note(plan: WorkloadPlan): boolean {
    const { children, pods } = this.#cluster;
    const [before, podsBefore] = [this.#children, this.#pods];
    const written = [...children].filter(([key, object]) => before.get(key) !== object);
    const gone = [...before.keys()].filter((key) => !children.has(key));
    for (const [key, object] of written) {
      this.#write(key, !before.has(key));
      this.#seen.set(key, object);
    }
    const stopsForGood = plan.steps.some(({ verdict: { reason } }) => reason === 'Hibernating');
    for (const [key, object] of stopsForGood ? [] : written) {
      const old = before.get(key);
      if (old?.kind === 'Deployment' && template(old) !== template(object) && replicas(old) > 0)
        this.#restart(key, plan.steps.flatMap(({ rolls }) => rolls.get(key) ?? [])[0], old);
    }
    for (const pod of podsBefore) {
      const set = children.get(`StatefulSet/${pod.name.replace(/-0$/, '')}`);
      if (!set || stopsForGood || pods.some(({ uid }) => uid === pod.uid)) continue;
      const reasons = plan.steps.flatMap(({ restart }) =>
        restart.flatMap((one) => (one.pod.name === pod.name ? [one.reason] : [])),
      );
      const rolled = plan.steps.flatMap(({ rolls }) => rolls.get(childKey(set)) ?? []);
      this.#restart(`Pod/${pod.name}`, reasons[0] ?? rolled[0], set);
    }
    for (const key of gone)
      this.#add({ action: 'Remove', target: key, reason: 'the stack needs it no longer' });
    this.#children = new Map(children);
    this.#pods = pods;
    return written.length > 0 || gone.length > 0 || podsBefore.some((pod) => !pods.includes(pod));
  }

  /** Notes calls, and the roles whose pods restart because of them. */
  calls(calls: readonly ForecastEntry[], roles: readonly string[]): void {
    for (const call of calls) this.#add(call);
    for (const role of roles) this.#restarted.add(role);
  }

  entries(): ForecastEntry[] {
    this.#addPossible();
    return [...this.#entries.values()].flatMap((entry) => {
      const [before, after] = [this.#first.get(entry.target), this.#cluster.children.get(entry.target)];
      if (entry.action !== 'Change') return [entry];
      return before ? [this.#changed(entry, before, after ?? before)] : [];
    });
  }

  /** What depends on which controller is faster, or on which Coreapp the stack gives a shard. */
  #addPossible(): void {
    const isChosen = this.#chooseCoreapps(this.#seen);
    for (const [key, object] of this.#seen) {
      const role = roleOf(object);
      if (!this.#restarted.has(role ?? '') || !['StatefulSet', 'Deployment'].includes(object.kind)) continue;
      const target = object.kind === 'Deployment' ? key : podOf(object);
      const reason = 'it may start before the change for which the others of its role restart';
      this.#add({ action: 'Restart', target, reason, role, isMaybe: true });
      if (isChosen && role === 'coreapp') this.#write(key, false, true);
    }
  }

  /** Coreapps that own no shard go, and the stack decides which these are: any of them may go or stay. */
  #chooseCoreapps(sets: ReadonlyMap<string, KubeObject>): boolean {
    const coreapps = [...sets].filter(([, set]) => set.kind === 'StatefulSet' && roleOf(set) === 'coreapp');
    const going = coreapps.filter(([key]) => this.#entries.has(`Remove ${key}`));
    const returning = going.filter(([key]) => this.#first.has(key) && this.#entries.has(`Create ${key}`));
    if (going.length === 0 || returning.length > 0 || going.length === coreapps.length) return false;
    const isRestarting = coreapps.some(([, set]) => this.#entries.has(`Restart ${podOf(set)}`));
    if (isRestarting) this.#restarted.add('coreapp');
    for (const [key, set] of coreapps) {
      const reason = `the stack needs ${going.length} Coreapps less; those go that own no shard then`;
      this.#entries.set(`Remove ${key}`, { action: 'Remove', target: key, reason, isMaybe: true });
      for (const event of [`Change ${key}`, `Restart ${podOf(set)}`]) {
        const entry = this.#entries.get(event);
        if (entry) this.#entries.set(event, { ...entry, isMaybe: true });
      }
    }
    return true;
  }

  #write(key: string, isNew: boolean, isMaybe = false): void {
    if (isNew) this.#add({ action: 'Create', target: key, reason: 'it does not exist yet' });
    // An object that is made now takes what changes later.
    else if (!this.#entries.has(`Create ${key}`))
      this.#add({ action: 'Change', target: key, reason: '', ...(isMaybe ? { isMaybe } : {}) });
  }

  #restart(target: string, reason: string | undefined, { kind, metadata }: KubeObject): void {
    const role = metadata.labels?.[labels.component];
    // Everything stops, also what was made a moment ago.
    if (reason === undefined) for (const node of NODES) this.#restarted.add(node);
    const isNew = !this.#first.has(childKey({ kind, metadata }));
    const entry = { action: 'Restart', target, reason: reason ?? STOPPED, role } as const;
    this.#add({ ...entry, ...(isNew ? { isMaybe: true } : {}) });
  }

  #add(entry: ForecastEntry): void {
    const key = `${entry.action} ${entry.target}`;
    if (!this.#entries.has(key)) this.#entries.set(key, entry);
  }

  #changed(entry: ForecastEntry, before: KubeObject, after: KubeObject): ForecastEntry {
    const fields = fieldChanges(before, after, this.#rendered.get(entry.target));
    const inputs =
      template(before) === template(after) ? undefined : after.metadata.annotations?.[annotations.changed];
    const paths = [...new Set(fields.map(({ path }) => path))];
    const reason =
      inputs !== undefined
        ? `${listed(inputs.split(','))} changed`
        : paths.length > 0
          ? `${listed(paths)} changed`
          : 'only notes of the operator change';
    return { ...entry, reason, fields };
  }
}
