import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import type { Reconcile } from '../../engine/controller/controller.ts';
import { NamespaceClaims } from '../../engine/controller/namespaceClaims.ts';
import type { Shards } from '../../engine/controller/shards.ts';
import type { Sources } from '../../engine/controller/sources.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf, splitKey } from '../../engine/kube/kubeObject.ts';
import type { CacheChange } from '../../engine/kube/objectCache.ts';
import { NAMESPACE_LEASE } from '../plan/facts/names.ts';
import { deploymentOf, type StackSources } from './stackSources.ts';

export interface StackNamespacesOptions {
  readonly client: KubeClient;
  readonly sources: Sources;
  readonly stackSources: StackSources;
  readonly recorder: EventRecorder;
  /** Default: this replica works on all namespaces. */
  readonly shards?: Pick<Shards, 'watches'> | undefined;
  readonly installation: { readonly namespace: string; readonly name: string };
  /** Namespaces that this installation watches; empty for all. */
  readonly listed: readonly string[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Called when this installation may start to work in a namespace, with the keys to reconcile. */
  readonly onOurs: (keys: readonly string[], reason: string) => void;
}

/**
 * Namespaces with stacks, backups or fleets. From the first to the last of them, the operator claims the namespace and watches its
 * Secrets.
 */
export class StackNamespaces {
  readonly #options: StackNamespacesOptions;
  readonly #claims: NamespaceClaims;

  constructor(options: StackNamespacesOptions, signal: AbortSignal) {
    const { installation, sources, stackSources } = options;
    this.#options = options;
    this.#claims = new NamespaceClaims({
      ...options,
      leaseName: NAMESPACE_LEASE,
      identity: `${installation.namespace}/${installation.name}`,
      onChange: (namespace) => this.#claimed(namespace),
    });
    const onChange = ({ object: { metadata } }: CacheChange<KubeObject>) => {
      const { namespace = '' } = metadata;
      if (this.#isUsed(namespace)) this.#follow(namespace);
      else {
        sources.unfollow(namespace);
        void this.#claims.abandon(namespace, signal);
      }
    };
    stackSources.stacks.onChange(onChange);
    stackSources.backups.onChange(onChange);
    stackSources.fleets.onChange(onChange);
  }

  /** This replica begins to work on a shard. */
  begin(): void {
    const { stacks, backups, fleets } = this.#options.stackSources;
    const used = [stacks, backups, fleets].flatMap(({ cache }) => cache.list());
    for (const namespace of new Set(used.map(({ metadata }) => metadata.namespace ?? '')))
      this.#follow(namespace);
  }

  /** Leaves namespaces to other replicas of this installation. Call it when all work on them is done. */
  async leave(isLeft: (namespace: string) => boolean): Promise<void> {
    await this.#claims.leave(isLeft);
  }

  /** Why this installation cannot work in a namespace: one line per reason, with its fix. */
  missing(namespace: string): string[] {
    const { sources, listed } = this.#options;
    const rules = sources.missing(namespace);
    const refused = this.#claims.problem(namespace);
    // With scope All, one binding in the namespace grants Secrets and all that changes something.
    const isNotEnabled = listed.length === 0 && rules.some((rule) => rule.startsWith('secrets: not allowed'));
    if (isNotEnabled)
      return [
        `the operator may run no stacks in namespace ${namespace}; run: kubectl waba namespace enable ${namespace}`,
      ];
    return refused === undefined ? rules : [...rules, refused];
  }

  /** Does nothing in a namespace that is not synced yet, or where another installation works. */
  whereOurs(reconcile: Reconcile, isLeft: (key: string) => boolean = this.#isLeft): Reconcile {
    return async (key, signal, logger) => {
      const { sources } = this.#options;
      const { namespace } = splitKey(key);
      // Of what is deleted, only the in-memory state must be forgotten.
      if (!isLeft(key)) return reconcile(key, signal, logger);
      if (!sources.isSettled(namespace)) return {};
      // If a permission is missing, the reconcile only reports it.
      const isOurs = sources.missing(namespace).length > 0 || this.#mayWork(namespace);
      return isOurs ? reconcile(key, signal, logger) : {};
    };
  }

  /**
   * The fence right before a write: a pass may outlast the claim that it began with.
   * @throws CodedError `NotLeader` when another installation may work in the namespace
   */
  assertOurs(namespace: string): void {
    const isReport = this.#options.sources.missing(namespace).length > 0;
    const isOurs = this.#claims.isHeld(namespace) || this.#claims.problem(namespace) !== undefined;
    if (!isReport && !isOurs)
      throw new CodedError(
        'NotLeader',
        `the claim of namespace ${namespace} has expired; nothing is written`,
      );
  }

  /** As `assertOurs`, for work that comes from another namespace: the first call claims this one. */
  claim(namespace: string): void {
    this.#claims.holds(namespace);
    this.assertOurs(namespace);
  }

  /** Lets other installations take over immediately. Call it when all work is done. */
  release(): Promise<void> {
    return this.#claims.release();
  }

  #follow(namespace: string): void {
    const { sources, shards, onOurs } = this.#options;
    if (shards?.watches(namespace) === false) return;
    sources.follow(namespace, () => onOurs(this.#keysIn(namespace), 'the namespace is synced'));
  }

  #mayWork(namespace: string): boolean {
    return this.#claims.holds(namespace) || this.#claims.problem(namespace) !== undefined;
  }

  #claimed(namespace: string): void {
    const { recorder, logger, onOurs } = this.#options;
    if (this.#mayWork(namespace)) {
      onOurs(this.#keysIn(namespace), 'the namespace is claimed');
      return;
    }
    const message = `${this.#claims.holder(namespace)} works in namespace ${namespace}; this operator waits until it stops`;
    logger.warn(message);
    for (const stack of this.#stacksIn(namespace))
      recorder.record(stack, { type: 'Warning', reason: 'AnotherOperator', message });
  }

  /** Whether a stack exists, or backups of it. */
  readonly #isLeft = (key: string): boolean => {
    const { stacks, backups } = this.#options.stackSources;
    return stacks.cache.get(key) !== undefined || backups.cache.byIndex('deployment', key).length > 0;
  };

  #isUsed(namespace: string): boolean {
    const { fleets } = this.#options.stackSources;
    return this.#keysIn(namespace).length > 0 || fleets.cache.byIndex('namespace', namespace).length > 0;
  }

  /** The keys of the stacks in a namespace, and of those that only backups are left of. */
  #keysIn(namespace: string): string[] {
    const { backups } = this.#options.stackSources;
    const ofBackups = backups.cache.byIndex('namespace', namespace).map(deploymentOf);
    return [...new Set([...this.#stacksIn(namespace).map(keyOf), ...ofBackups])];
  }

  #stacksIn = (namespace: string): KubeObject[] =>
    this.#options.stackSources.stacks.cache.byIndex('namespace', namespace);
}
