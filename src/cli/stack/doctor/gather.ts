import { type Clock, withDeadline } from '../../../base/clock.ts';
import { CodedError, describeError } from '../../../base/codedError.ts';
import { isForbidden } from '../../../engine/kube/apiError.ts';
import type { KubeClient } from '../../../engine/kube/client.ts';
import type { KubeObject, ResourceKind } from '../../../engine/kube/kubeObject.ts';
import type { Known } from './check.ts';
import type { Mask } from './mask.ts';

/** Where the doctor looks, and with what. Everything that waits or talks comes from here. */
export interface Gatherer {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly clock: Clock;
  readonly mask: Mask;
  /** An address at which a Service of the namespace answers. */
  readonly reach: (
    service: { readonly name: string; readonly port: number },
    signal: AbortSignal,
  ) => Promise<{ readonly host: string; readonly port: number; close(): void }>;
  /** Runs a program in a pod and returns what it printed. */
  readonly exec: (
    target: { readonly pod: string; readonly container: string },
    command: readonly string[],
    signal: AbortSignal,
  ) => Promise<string>;
}

/** No fact may hold up the others: a person waits for all of them. */
const FACT_DEADLINE_MS = 15_000;

/**
 * Finds one fact out. Whatever goes wrong becomes the reason why it is not known.
 * @param right the right of the user that it needs, such as `list pods in namespace default`
 * @throws only the reason of `signal`
 */
export async function fact<T>(
  { clock, mask }: Pick<Gatherer, 'clock' | 'mask'>,
  right: string,
  read: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<Known<T>> {
  const late = () => new CodedError('Deadline', `no answer within ${FACT_DEADLINE_MS / 1000} s`);
  const deadline = withDeadline(clock, signal, FACT_DEADLINE_MS, late);
  try {
    return { value: await read(deadline.signal) };
  } catch (error) {
    signal.throwIfAborted();
    return { unknown: isForbidden(error) ? `needs the right to ${right}` : mask.text(oneLine(error)) };
  } finally {
    deadline.release();
  }
}

/** Questions to the API server: each answer is known, or has the reason why not. */
export function asking(gatherer: Gatherer, signal: AbortSignal) {
  const ask = <T>(right: string, read: (signal: AbortSignal) => Promise<T>) =>
    fact(gatherer, right, read, signal);
  const list = <T extends KubeObject>(
    kind: ResourceKind,
    where: { readonly namespace?: string; readonly labelSelector?: string },
  ) =>
    ask(
      `list ${kind.plural}${where.namespace ? ` in namespace ${where.namespace}` : ' of the cluster'}`,
      async (until) => (await gatherer.client.list<T>(kind, where, until)).items,
    );
  return { ask, list };
}

const oneLine = (error: unknown): string =>
  describeError(error)
    .replace(/\s*\n\s*/g, ' ')
    .trim();
