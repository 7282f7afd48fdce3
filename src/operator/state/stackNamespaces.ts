import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Reconcile } from '../../engine/controller/controller.ts';
import { NamespaceClaims } from '../../engine/controller/namespaceClaims.ts';
import type { Sources } from '../../engine/controller/sources.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, splitKey } from '../../engine/kube/kubeObject.ts';
import type { StackSources } from './stackSources.ts';

export interface StackNamespacesOptions {
  readonly client: KubeClient;
  readonly sources: Sources;
  readonly stackSources: StackSources;
  readonly recorder: EventRecorder;
  readonly installation: { readonly namespace: string; readonly name: string };
  /** Namespaces that this installation was told to watch; empty for all. */
  readonly listed: readonly string[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Work in a namespace may begin: its stacks are to be looked at. */
  readonly onOurs: (stacks: readonly KubeObject[], reason: string) => void;
}

/** Held in each namespace that has a stack, by the installation that runs its stacks. */
const LEASE_NAME = 'waba-operator-namespace';

/** The namespaces that have stacks: their Secrets are watched, and they are claimed, from the first to the last stack. */
export class StackNamespaces {
  readonly #options: StackNamespacesOptions;
  readonly #claims: NamespaceClaims;

  constructor(options: StackNamespacesOptions, signal: AbortSignal) {
    const { installation, sources, stackSources, onOurs } = options;
    this.#options = options;
    this.#claims = new NamespaceClaims({
      ...options,
      leaseName: LEASE_NAME,
      identity: `${installation.namespace}/${installation.name}`,
      onChange: (namespace) => this.#claimed(namespace),
    });
    stackSources.stacks.onChange(({ object: { metadata } }) => {
      const { namespace = '' } = metadata;
      if (this.#stacksIn(namespace).length > 0)
        sources.follow(namespace, () => onOurs(this.#stacksIn(namespace), 'the namespace is seen'));
      else {
        sources.unfollow(namespace);
        void this.#claims.abandon(namespace, signal);
      }
    });
  }

  /** What keeps this installation from working in a namespace: one line each, with the way out. */
  missing(namespace: string): string[] {
    const { sources, listed } = this.#options;
    const rules = sources.missing(namespace);
    const refused = this.#claims.problem(namespace);
    // Where Secrets are granted namespace by namespace, one command adds what is missing.
    const isNotEnabled = listed.length === 0 && rules.some((rule) => rule.startsWith('secrets: not allowed'));
    if (isNotEnabled)
      return [
        `the operator may not read Secrets in namespace ${namespace}; run: kubectl waba namespace enable ${namespace}`,
      ];
    return refused === undefined ? rules : [...rules, refused];
  }

  /** Does nothing where not everything is seen yet, or where another installation works. */
  whereOurs(reconcile: Reconcile): Reconcile {
    return async (key, signal, logger) => {
      const { sources, stackSources } = this.#options;
      const { namespace } = splitKey(key);
      // What is gone concerns nobody else.
      if (stackSources.stacks.cache.get(key) === undefined) return reconcile(key, signal, logger);
      if (!sources.isSettled(namespace)) return {};
      // Where a right is missing the reconcile says so, and touches nothing.
      const isOurs = sources.missing(namespace).length > 0 || this.#mayWork(namespace);
      return isOurs ? reconcile(key, signal, logger) : {};
    };
  }

  /** Lets others work at once. Call it when all work is done. */
  release(): Promise<void> {
    return this.#claims.release();
  }

  #mayWork(namespace: string): boolean {
    return this.#claims.holds(namespace) || this.#claims.problem(namespace) !== undefined;
  }

  #claimed(namespace: string): void {
    const { recorder, logger, onOurs } = this.#options;
    const stacks = this.#stacksIn(namespace);
    if (this.#mayWork(namespace)) {
      onOurs(stacks, 'the namespace is ours');
      return;
    }
    const message = `${this.#claims.holder(namespace)} works in namespace ${namespace}; this operator waits until it stops`;
    logger.warn(message);
    for (const stack of stacks)
      recorder.record(stack, { type: 'Warning', reason: 'AnotherOperator', message });
  }

  #stacksIn = (namespace: string): KubeObject[] =>
    this.#options.stackSources.stacks.cache.byIndex('namespace', namespace);
}
