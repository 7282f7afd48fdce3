import { type Clock, sleep, withDeadline } from '../runtime/clock.ts';
import { CodedError } from '../runtime/codedError.ts';
import type { Logger } from '../runtime/logger.ts';
import { isConflict, isNotFound } from './apiError.ts';
import type { KubeClient } from './client.ts';
import { type KubeObject, kinds } from './kubeObject.ts';

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** client-go's own timing. */
export const LEASE = {
  /** Others wait this long after the last renewal that they saw. */
  durationMs: 15_000,
  /** We stop this long after the last renewal that succeeded, well before others may start. */
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
  jitter: 0.2,
} as const;

interface LeaseObject extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
    readonly leaseTransitions?: number;
    readonly acquireTime?: string;
  };
}

const lost = () => new CodedError('NotLeader', 'the leader lease has expired; nothing is written');

/**
 * Holds a Lease. Nobody's clock is compared with another's: a lease counts as expired when its record has not
 * changed for its duration by our own clock. `assertLeader` is the fence right before a write.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  #observed: { record: string; atMs: number } | undefined;
  /** Until when we may act, by both clocks: a suspended process has a late wall clock, a stepped one the other. */
  #validUntil: { monotonic: number; wall: number } | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
  }

  get isLeader(): boolean {
    const { clock } = this.#options;
    const until = this.#validUntil;
    return until !== undefined && clock.monotonic() < until.monotonic && clock.now() < until.wall;
  }

  /** @throws CodedError `NotLeader` when the lease is not ours any more */
  assertLeader(): void {
    if (!this.isLeader) throw lost();
  }

  /** Resolves when the lease is ours. @throws the signal's reason */
  async acquire(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    while (!(await this.#try(signal))) {
      await sleep(clock, LEASE.retryMs * (1 + LEASE.jitter * random()), signal);
    }
  }

  /**
   * Works under the lease: renews it meanwhile, aborts `work` at the very moment it runs out, releases it after
   * `work` has returned. Call it after `acquire`.
   * @returns whether the lease was ours to the end
   */
  async lead(work: (term: AbortSignal) => Promise<void>): Promise<boolean> {
    const { logger } = this.#options;
    const term = new AbortController();
    const done = new AbortController();
    const renewing = this.#renew(term, done.signal);
    try {
      await work(term.signal);
    } finally {
      done.abort();
      await renewing;
    }
    if (term.signal.aborted) {
      logger.error('leader lease lost');
      return false;
    }
    // Only now is everything written, so only now may another one take over.
    await this.#release();
    return true;
  }

  async #renew(term: AbortController, done: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    // A timer of its own: an answer that never comes must not keep the deadline from being seen.
    let disarm = () => {};
    const arm = () => {
      disarm();
      const remainingMs = (this.#validUntil?.monotonic ?? 0) - clock.monotonic();
      disarm = clock.after(Math.max(0, remainingMs), () => term.abort(lost()));
    };
    arm();
    while (!done.aborted && !term.signal.aborted) {
      await sleep(clock, LEASE.retryMs * (1 + LEASE.jitter * random()), done).catch(() => {});
      if (done.aborted || term.signal.aborted) break;
      // Resumed after the deadline: what another one has done since is not to be overwritten.
      if (this.isLeader) await this.#try(AbortSignal.any([done, term.signal]));
      if (this.isLeader) arm();
      else term.abort(lost());
    }
    disarm();
  }

  async #try(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, identity, clock, logger } = this.#options;
    const [monotonic, wall] = [clock.monotonic(), clock.now()];
    const patience = withDeadline(clock, signal, LEASE.renewDeadlineMs, lost);
    try {
      const lease = await client
        .get<LeaseObject>(kinds.Lease, namespace, name, patience.signal)
        .catch((error: unknown) => {
          if (isNotFound(error)) return undefined;
          throw error;
        });
      if (lease && !this.#mayTake(lease)) {
        // Somebody else has it, whatever our own clock says.
        this.#validUntil = undefined;
        return false;
      }
      const options = { fieldManager: identity };
      const next = this.#mine(lease);
      await (lease
        ? client.update(next, options, patience.signal)
        : client.create(next, options, patience.signal));
      // Counted from before the request: the server cannot have started later than that.
      this.#validUntil = { monotonic: monotonic + LEASE.renewDeadlineMs, wall: wall + LEASE.renewDeadlineMs };
      return true;
    } catch (error) {
      if (!signal.aborted && !isConflict(error)) logger.debug('lease not renewed', { error });
      return false;
    } finally {
      patience.release();
    }
  }

  #mine(lease: LeaseObject | undefined): LeaseObject {
    const { namespace, name, identity, clock } = this.#options;
    const now = new Date(clock.now()).toISOString().replace('Z', '000Z');
    const renewal = lease?.spec?.holderIdentity === identity;
    const resourceVersion = lease?.metadata.resourceVersion;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace, ...(resourceVersion ? { resourceVersion } : {}) },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: LEASE.durationMs / 1000,
        acquireTime: renewal ? (lease?.spec?.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: (lease?.spec?.leaseTransitions ?? -1) + (renewal ? 0 : 1),
      },
    };
  }

  #mayTake(lease: LeaseObject): boolean {
    const { identity, clock } = this.#options;
    const { holderIdentity, leaseDurationSeconds } = lease.spec ?? {};
    const record = `${holderIdentity}/${lease.spec?.renewTime}`;
    if (this.#observed?.record !== record) this.#observed = { record, atMs: clock.monotonic() };
    if (!holderIdentity || holderIdentity === identity) return true;
    const durationMs = (leaseDurationSeconds ?? LEASE.durationMs / 1000) * 1000;
    return clock.monotonic() - this.#observed.atMs > durationMs;
  }

  async #release(): Promise<void> {
    const { client, namespace, name, identity, clock, logger } = this.#options;
    if (!this.isLeader) return;
    this.#validUntil = undefined;
    const patience = withDeadline(clock, new AbortController().signal, LEASE.retryMs, lost);
    try {
      const lease = await client.get<LeaseObject>(kinds.Lease, namespace, name, patience.signal);
      if (lease.spec?.holderIdentity !== identity) return;
      await client.update(
        { ...lease, spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 } },
        { fieldManager: identity },
        patience.signal,
      );
    } catch (error) {
      logger.debug('lease not released', { error });
    } finally {
      patience.release();
    }
  }
}
