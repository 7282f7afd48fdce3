import { createHash } from 'node:crypto';
import { type Clock, withDeadline } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { isForbidden, isNotFound } from './apiError.ts';
import type { KubeClient } from './client.ts';
import { kinds } from './kubeObject.ts';
import type { LeaseObject, LeaseTiming } from './leaderElection.ts';
import { missingRule } from './missingRule.ts';

export interface ReplicaRegisterOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Name of the Lease whose annotations are the register. */
  readonly name: string;
  readonly identity: string;
  readonly timing: LeaseTiming;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CALL_TIMEOUT_MS = 5_000;

/**
 * The replicas that live: each renews an annotation of one Lease, by a patch that meets no conflict. As with leases, no clocks of two
 * machines are compared: a replica is gone when its annotation has not changed for the lease duration by our own clock.
 *
 * It only serves fairness. What nobody may do twice is behind leases.
 */
export class ReplicaRegister {
  readonly #options: ReplicaRegisterOptions;
  /** By annotation: its value, and when we saw it first. */
  #seen = new Map<string, { readonly value: string; readonly atMs: number }>();
  #beats = 0;
  #problem: string | undefined;

  constructor(options: ReplicaRegisterOptions) {
    this.#options = options;
  }

  /** The right that is missing, if any. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The replicas that live, this one among them; empty before the first answer. */
  get live(): string[] {
    return [...this.#seen.keys()].filter((key) => !this.#isGone(key)).map((key) => this.#identityOf(key));
  }

  /** Says that this replica lives, and looks who else does. It does not throw. @returns whether the API server answered */
  async beat(signal: AbortSignal): Promise<boolean> {
    const gone = [...this.#seen.keys()].filter((key) => this.#isGone(key));
    const entries = Object.fromEntries(gone.map((key) => [key, null]));
    const { identity, clock } = this.#options;
    this.#beats += 1;
    const value = `${identity} ${new Date(clock.now()).toISOString()} ${this.#beats}`;
    return this.#patch({ ...entries, [this.#keyOf(identity)]: value }, signal);
  }

  /** Leaves the shards to the others. It does not throw. */
  async leave(signal: AbortSignal): Promise<void> {
    await this.#patch({ [this.#keyOf(this.#options.identity)]: null }, signal);
  }

  async #patch(annotations: Readonly<Record<string, string | null>>, signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, clock, logger } = this.#options;
    const late = () => new CodedError('Timeout', 'no answer in time', { retriable: true });
    const patience = withDeadline(clock, signal, CALL_TIMEOUT_MS, late);
    try {
      const patch = { metadata: { annotations } };
      const target = { namespace, name, fieldManager: name };
      const lease = await client
        .mergePatch<LeaseObject>(kinds.Lease, target, patch, patience.signal)
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
          const empty = {
            apiVersion: 'coordination.k8s.io/v1',
            kind: 'Lease',
            metadata: { name, namespace },
            spec: {},
          };
          return client.create<LeaseObject>(empty, { fieldManager: name }, patience.signal);
        });
      this.#problem = undefined;
      this.#look(lease);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      logger.debug('register of replicas not renewed', { error });
      if (!isForbidden(error) || this.#problem !== undefined) return false;
      this.#problem = missingRule(kinds.Lease, namespace, ['patch', 'create']);
      // Logged once; `problem` keeps reporting it.
      logger.error(this.#problem);
      return false;
    } finally {
      patience.release();
    }
  }

  #look({ metadata }: LeaseObject): void {
    const nowMs = this.#options.clock.monotonic();
    const prefix = this.#keyOf('').slice(0, -HASH_LENGTH);
    const entries = Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith(prefix));
    this.#seen = new Map(
      entries.map(([key, value]) => {
        const known = this.#seen.get(key);
        return [key, known?.value === value ? known : { value, atMs: nowMs }];
      }),
    );
  }

  #isGone(key: string): boolean {
    const { clock, timing } = this.#options;
    return clock.monotonic() - (this.#seen.get(key)?.atMs ?? Number.NEGATIVE_INFINITY) > timing.durationMs;
  }

  #identityOf(key: string): string {
    return this.#seen.get(key)?.value.split(' ')[0] ?? '';
  }

  /** The name of an annotation is short, that of a replica may be long. */
  #keyOf(identity: string): string {
    const hash = createHash('sha256').update(identity).digest('hex').slice(0, HASH_LENGTH);
    return `${this.#options.name}/replica-${hash}`;
  }
}

const HASH_LENGTH = 16;
