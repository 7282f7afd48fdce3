import { type Clock, sleep } from '../runtime/clock.ts';
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
export const LEASE = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 } as const;

interface LeaseObject extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
    readonly leaseTransitions?: number;
    readonly acquireTime?: string;
  };
}

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
    if (!this.isLeader) throw new CodedError('NotLeader', 'the leader lease has expired; nothing is written');
  }

  /** Resolves when the lease is ours. */
  async acquire(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    while (!(await this.#try(signal))) {
      await sleep(clock, LEASE.retryMs * (1 + 0.2 * random()), signal);
    }
  }

  /** Renews until the lease is lost (resolves) or `signal` fires, which releases it. */
  async hold(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      await sleep(clock, LEASE.retryMs, signal).catch(() => {});
      if (signal.aborted) break;
      await this.#try(signal);
      if (!this.isLeader) {
        logger.error('leader lease lost');
        return;
      }
    }
    await this.#release();
  }

  async #try(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, identity, clock, logger } = this.#options;
    const [monotonic, wall] = [clock.monotonic(), clock.now()];
    try {
      const lease = await client
        .get<LeaseObject>(kinds.Lease, namespace, name, signal)
        .catch((error: unknown) => {
          if (isNotFound(error)) return undefined;
          throw error;
        });
      if (lease && !this.#mayTake(lease)) return false;
      const now = new Date(clock.now()).toISOString().replace('Z', '000Z');
      const mine = lease?.spec?.holderIdentity === identity;
      const next: LeaseObject = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: {
          name,
          namespace,
          ...(lease?.metadata.resourceVersion ? { resourceVersion: lease.metadata.resourceVersion } : {}),
        },
        spec: {
          holderIdentity: identity,
          leaseDurationSeconds: LEASE.durationMs / 1000,
          acquireTime: mine ? (lease?.spec?.acquireTime ?? now) : now,
          renewTime: now,
          leaseTransitions: (lease?.spec?.leaseTransitions ?? -1) + (mine ? 0 : 1),
        },
      };
      const options = { fieldManager: identity };
      await (lease ? client.update(next, options, signal) : client.create(next, options, signal));
      // Counted from before the request: the server cannot have started later than that.
      this.#validUntil = { monotonic: monotonic + LEASE.renewDeadlineMs, wall: wall + LEASE.renewDeadlineMs };
      return true;
    } catch (error) {
      if (!signal.aborted && !isConflict(error)) logger.debug('lease not renewed', { error });
      return false;
    }
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
    const { client, namespace, name, identity, logger } = this.#options;
    if (!this.isLeader) return;
    this.#validUntil = undefined;
    try {
      const signal = AbortSignal.timeout(LEASE.retryMs);
      const lease = await client.get<LeaseObject>(kinds.Lease, namespace, name, signal);
      if (lease.spec?.holderIdentity !== identity) return;
      await client.update(
        { ...lease, spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 } },
        { fieldManager: identity },
        signal,
      );
    } catch (error) {
      logger.debug('lease not released', { error });
    }
  }
}
