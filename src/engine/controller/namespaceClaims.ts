import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { retryUntilDone } from '../../base/retryUntilDone.ts';
import { isForbidden, isNotFound } from '../kube/apiError.ts';
import type { KubeClient } from '../kube/client.ts';
import { kinds } from '../kube/kubeObject.ts';
import { LeaderElection, type LeaseObject, type LeaseTiming } from '../kube/leaderElection.ts';

export interface NamespaceClaimsOptions {
  readonly client: KubeClient;
  /** Name of the Lease in each namespace. */
  readonly leaseName: string;
  /** Identity of the whole installation: its replicas share its claims. */
  readonly identity: string;
  readonly timing?: LeaseTiming;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Called when the namespace becomes ours, when another installation has it, and when a right is missing. */
  readonly onChange: (namespace: string) => void;
}

/** Slow timing, because each namespace has a Lease, and after a crash an installation takes its own Leases back at once. */
export const CLAIM_TIMING = {
  durationMs: 120_000,
  renewDeadlineMs: 90_000,
  retryMs: 40_000,
} satisfies LeaseTiming;

/** Pause between attempts to delete a Lease. Work that comes back meanwhile waits for no more than that. */
const REMOVE_AGAIN_MS = 2_000;

interface Claim {
  readonly election: LeaderElection;
  readonly stop: AbortController;
  /** Another replica of the installation goes on. */
  isLeft: boolean;
  readonly ended: Promise<void>;
}

/**
 * Keeps two installations from working in one namespace: the holder of its Lease works, and the other waits until the
 * Lease is released or expires. Among the replicas of one installation, leader election decides.
 */
export class NamespaceClaims {
  readonly #options: NamespaceClaimsOptions;
  readonly #claims = new Map<string, Claim>();
  /** Namespaces whose Lease is being deleted. */
  readonly #abandoned = new Map<string, Promise<void>>();

  constructor(options: NamespaceClaimsOptions) {
    this.#options = options;
  }

  /** Whether the namespace is ours. The first call starts to claim it; `onChange` reports the result. */
  holds(namespace: string): boolean {
    const claim = this.#claims.get(namespace) ?? this.#begin(namespace);
    return claim.election.isLeader;
  }

  /** Whether the namespace is ours at this moment. Unlike `holds`, it starts nothing. */
  isHeld(namespace: string): boolean {
    return this.#claims.get(namespace)?.election.isLeader ?? false;
  }

  /** The installation that holds a namespace, if any. */
  holder(namespace: string): string | undefined {
    return this.#claims.get(namespace)?.election.holder;
  }

  /** The missing right that prevents a claim, if any. */
  problem(namespace: string): string | undefined {
    return this.#claims.get(namespace)?.election.problem;
  }

  /** Releases all namespaces, so that other installations need not wait. */
  async release(): Promise<void> {
    await Promise.all([...this.#claims.keys()].map((namespace) => this.#end(namespace)));
  }

  /** Leaves namespaces to other replicas of this installation, whose Leases they remain. */
  async leave(isLeft: (namespace: string) => boolean): Promise<void> {
    const left = [...this.#claims].filter(([namespace]) => isLeft(namespace));
    for (const [, claim] of left) claim.isLeft = true;
    await Promise.all(left.map(([namespace]) => this.#end(namespace)));
  }

  /** Deletes the Lease of a namespace without work, unless another installation has taken it meanwhile. */
  async abandon(namespace: string, signal: AbortSignal): Promise<void> {
    if (!this.#claims.has(namespace)) return;
    const ended = this.#remove(namespace, signal).finally(() => {
      if (this.#abandoned.get(namespace) === ended) this.#abandoned.delete(namespace);
    });
    this.#abandoned.set(namespace, ended);
    await ended;
  }

  async #remove(namespace: string, signal: AbortSignal): Promise<void> {
    await this.#end(namespace);
    const { clock, logger } = this.#options;
    await retryUntilDone(
      () => this.#deleteLease(namespace, signal),
      {
        clock,
        logger,
        what: `Lease of namespace ${namespace} not removed`,
        everyMs: REMOVE_AGAIN_MS,
        worthRetrying: (error) => !isForbidden(error) && !isNotFound(error),
      },
      signal,
    ).catch((error: unknown) => logger.debug('lease not removed', { namespace, error }));
  }

  async #deleteLease(namespace: string, signal: AbortSignal): Promise<void> {
    const { client, leaseName, identity } = this.#options;
    // Work that has come back takes the Lease as it is.
    if (this.#claims.has(namespace)) return;
    const { metadata, spec } = await client.get<LeaseObject>(kinds.Lease, namespace, leaseName, signal);
    const { uid = '', resourceVersion = '' } = metadata;
    // It still names us if its release found no answer.
    if (spec?.holderIdentity && spec.holderIdentity !== identity) return;
    await client.delete(kinds.Lease, namespace, leaseName, { uid, resourceVersion }, signal);
  }

  async #end(namespace: string): Promise<void> {
    const claim = this.#claims.get(namespace);
    this.#claims.delete(namespace);
    claim?.stop.abort();
    await claim?.ended;
  }

  #begin(namespace: string): Claim {
    const { client, leaseName, identity, timing = CLAIM_TIMING, clock, random, logger } = this.#options;
    const election = new LeaderElection({
      client,
      namespace,
      name: leaseName,
      identity,
      isShared: () => claim.isLeft,
      timing,
      clock,
      random,
      logger,
    });
    const stop = new AbortController();
    const claim: Claim = {
      election,
      stop,
      isLeft: false,
      ended: this.#hold(namespace, election, stop.signal),
    };
    this.#claims.set(namespace, claim);
    return claim;
  }

  async #hold(namespace: string, election: LeaderElection, stop: AbortSignal): Promise<void> {
    const { onChange } = this.#options;
    // Work may come back at once. A claim that met the deletion of the Lease would wait for its next attempt.
    await this.#abandoned.get(namespace);
    while (!stop.aborted) {
      const isAcquired = await election
        .acquire(stop, () => onChange(namespace))
        .then(() => true)
        .catch(() => false);
      if (!isAcquired) return;
      onChange(namespace);
      await election.lead((term) => eitherAborted(stop, term));
    }
  }
}

const eitherAborted = (a: AbortSignal, b: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (a.aborted || b.aborted) resolve();
    for (const signal of [a, b]) signal.addEventListener('abort', () => resolve(), { once: true });
  });
