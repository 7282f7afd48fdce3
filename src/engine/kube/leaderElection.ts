import { type Clock, sleep, withDeadline } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { eitherSignal } from '../../base/eitherSignal.ts';
import type { Logger } from '../../base/logger.ts';
import { isConflict, isForbidden, isNotFound } from './apiError.ts';
import type { KubeClient } from './client.ts';
import { type KubeObject, kinds } from './kubeObject.ts';
import { missingRule } from './missingRule.ts';

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  /** Whether others of the same identity go on with the lease, so that this one does not release it. Default: none do. */
  readonly isShared?: () => boolean;
  readonly timing?: LeaseTiming;
  /**
   * Asked right before another replica's lease, which is free or has expired, is taken; `freeMs` ago this replica first saw that
   * it may be taken. Default: take it.
   */
  readonly wants?: (freeMs: number) => boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

export interface LeaseTiming {
  /** Other replicas take over this long after the last renewal that they saw. */
  readonly durationMs: number;
  /** The leader stops this long after its last successful renewal, well before others may start. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

/** client-go's own timing. */
export const LEASE = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 } satisfies LeaseTiming;

const JITTER = 0.2;
const LEASE_VERBS = ['get', 'create', 'update'] as const;
/** Timeout of a call, and of the release at the end. */
const CALL_TIMEOUT_MS = { renew: 10_000, release: 2_000 } as const;

export interface LeaseObject extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
    readonly leaseTransitions?: number;
    readonly acquireTime?: string;
  };
}

const recordOf = ({ spec }: LeaseObject): string => `${spec?.holderIdentity}/${spec?.renewTime}`;

const lost = () => new CodedError('NotLeader', 'the leader lease has expired; nothing is written');

/**
 * Holds a Lease. Clocks of two machines are never compared: a lease counts as expired when its record has not changed
 * for its duration by our own clock. `assertLeader` is the fence right before a write.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions & { readonly timing: LeaseTiming };
  #observed: { record: string; holder: string; atMs: number } | undefined;
  /** Since when the lease may be taken, by our monotonic clock. */
  #freeSinceMs: number | undefined;
  /**
   * We may write until then, by both clocks: the monotonic clock may stop while a process is suspended, and the wall
   * clock may be set back.
   */
  #validUntil: { monotonic: number; wall: number } | undefined;
  /** Whether we have asked for the lease, and do not know the outcome. */
  #mayBeOurs = false;
  #problem: string | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = { timing: LEASE, ...options };
  }

  /** The holder last seen; undefined if the lease was free. */
  get holder(): string | undefined {
    return this.isLeader ? this.#options.identity : this.#observed?.holder || undefined;
  }

  /** The right that is missing, if any. */
  get problem(): string | undefined {
    return this.#problem;
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

  /**
   * Resolves when the lease is ours. `onWaiting` is called when the reason for waiting changes: another `holder`, or
   * another `problem`. @throws the signal's reason
   */
  async acquire(signal: AbortSignal, onWaiting?: () => void): Promise<void> {
    let told: string | undefined;
    try {
      while (!(await this.#try(signal))) {
        const why = this.problem ?? this.holder;
        if (why !== undefined && why !== told) onWaiting?.();
        told = why;
        await this.#pause(signal);
      }
    } catch (error) {
      // The server may have written what was cut off, and nobody else could have the lease until it expires.
      if (this.#mayBeOurs) await this.#release();
      throw error;
    }
  }

  /**
   * Runs `work` under the lease: renews the lease meanwhile, aborts `work` at the moment the lease expires, and releases
   * the lease after `work` has returned. Call it after `acquire`.
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
    // All writes are done, so another replica may take over now.
    if (this.isLeader) await this.#release();
    return true;
  }

  async #renew(term: AbortController, done: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    // A timer of its own, because a renewal without an answer must not delay the deadline.
    let disarm = () => {};
    const arm = () => {
      disarm();
      const remainingMs = (this.#validUntil?.monotonic ?? 0) - clock.monotonic();
      disarm = clock.after(Math.max(0, remainingMs), () => term.abort(lost()));
    };
    arm();
    while (!done.aborted && !term.signal.aborted) {
      await this.#pause(done).catch(() => {});
      if (done.aborted || term.signal.aborted) break;
      // Resumed after the deadline: a renewal would overwrite what another replica has done since.
      if (this.isLeader) {
        const either = eitherSignal(done, term.signal);
        await this.#try(either.signal).finally(either.release);
      }
      if (this.isLeader) arm();
      else term.abort(lost());
    }
    disarm();
  }

  #pause(signal: AbortSignal): Promise<void> {
    const { clock, random, timing } = this.#options;
    return sleep(clock, timing.retryMs * (1 + JITTER * random()), signal);
  }

  async #try(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, identity, clock, timing } = this.#options;
    const [monotonic, wall] = [clock.monotonic(), clock.now()];
    const patience = withDeadline(clock, signal, CALL_TIMEOUT_MS.renew, lost);
    let known: LeaseObject | undefined;
    const read = () =>
      client.get<LeaseObject>(kinds.Lease, namespace, name, patience.signal).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
    try {
      const lease = await read();
      known = lease;
      // The Lease was deleted. Its holder works on until its deadline, so we create a new Lease only after that.
      if (!lease && this.#observed?.holder && this.#sinceObservedMs() <= timing.durationMs) return false;
      if (lease && !this.#mayTake(lease)) {
        // Another replica has it, whatever our own clock says.
        this.#validUntil = undefined;
        this.#freeSinceMs = undefined;
        return false;
      }
      if (lease?.spec?.holderIdentity !== identity && !this.#wants()) return false;
      const options = { fieldManager: identity };
      const next = this.#mine(lease);
      this.#mayBeOurs = true;
      await (lease
        ? client.update(next, options, patience.signal)
        : client.create(next, options, patience.signal));
      this.#renewed(next, { monotonic, wall });
      // The answer may have come too late.
      return this.isLeader;
    } catch (error) {
      if (signal.aborted) return false;
      if (!isConflict(error)) this.#report(error);
      else if (known?.spec?.holderIdentity === identity) {
        // Others of the same identity renew the lease too. One has done so since we read it.
        const lease = await read().catch(() => undefined);
        if (lease?.spec?.holderIdentity !== identity || recordOf(lease) === recordOf(known)) return false;
        this.#renewed(lease, { monotonic, wall });
        return this.isLeader;
      }
      return false;
    } finally {
      patience.release();
    }
  }

  /** Counted from before the request, because the others may count from any moment after it. */
  #renewed(lease: LeaseObject, since: { readonly monotonic: number; readonly wall: number }): void {
    const { identity, timing } = this.#options;
    const { renewDeadlineMs } = timing;
    this.#observed = { record: recordOf(lease), holder: identity, atMs: since.monotonic };
    this.#problem = undefined;
    this.#freeSinceMs = undefined;
    this.#validUntil = {
      monotonic: since.monotonic + renewDeadlineMs,
      wall: since.wall + renewDeadlineMs,
    };
  }

  #report(error: unknown): void {
    const { logger, namespace } = this.#options;
    logger.debug('lease not renewed', { error });
    if (!isForbidden(error) || this.#problem !== undefined) return;
    this.#problem = missingRule(kinds.Lease, namespace, LEASE_VERBS);
    // Logged once; `problem` keeps reporting it.
    logger.error(this.#problem);
  }

  #mine(lease: LeaseObject | undefined): LeaseObject {
    const { namespace, name, identity, clock, timing } = this.#options;
    const now = new Date(clock.now()).toISOString().replace('Z', '000Z');
    const renewal = lease?.spec?.holderIdentity === identity;
    // Keeps the labels, by which its creator finds the Lease; the resourceVersion makes the write a compare-and-swap.
    const { managedFields: _, ...metadata } = lease?.metadata ?? { name, namespace };
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata,
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: timing.durationMs / 1000,
        acquireTime: renewal ? (lease?.spec?.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: (lease?.spec?.leaseTransitions ?? -1) + (renewal ? 0 : 1),
      },
    };
  }

  #mayTake(lease: LeaseObject): boolean {
    const { identity, clock, timing } = this.#options;
    const { holderIdentity = '', leaseDurationSeconds } = lease.spec ?? {};
    const record = recordOf(lease);
    if (this.#observed?.record !== record)
      this.#observed = { record, holder: holderIdentity, atMs: clock.monotonic() };
    if (!holderIdentity || holderIdentity === identity) return true;
    const durationMs = (leaseDurationSeconds ?? timing.durationMs / 1000) * 1000;
    return this.#sinceObservedMs() > durationMs;
  }

  #wants(): boolean {
    const { clock, wants } = this.#options;
    this.#freeSinceMs ??= clock.monotonic();
    return wants?.(clock.monotonic() - this.#freeSinceMs) ?? true;
  }

  #sinceObservedMs(): number {
    return this.#options.clock.monotonic() - (this.#observed?.atMs ?? Number.NEGATIVE_INFINITY);
  }

  async #release(): Promise<void> {
    const { client, namespace, name, identity, isShared, clock, logger } = this.#options;
    this.#validUntil = undefined;
    this.#mayBeOurs = false;
    if (isShared?.()) return;
    const patience = withDeadline(clock, new AbortController().signal, CALL_TIMEOUT_MS.release, lost);
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
