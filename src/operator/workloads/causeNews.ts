import type { EventText } from '../../engine/kube/eventCorrelator.ts';
import type { Verdict } from '../plan/tell/conditions.ts';
import { type ConditionType, conditions, isCause } from '../resource/conditions.ts';

/** A condition of this pass or one in the stored status. */
type Told = Pick<Verdict, 'status' | 'message'> & { readonly type: string; readonly reason: string };

interface Reported {
  isReady: boolean;
  /** The last cause of each condition that an event told. */
  readonly causes: Map<string, string>;
}

const LONGEST_MESSAGE = 1024;

/** Events for stacks that become Ready or no longer are, and for each new cause that keeps a condition from being True. */
export class CauseNews {
  readonly #reported = new Map<string, Reported>();

  /**
   * The events for the conditions of a pass, `before` being the stored ones. A stack that is Progressing after an edit, or
   * that has never been Ready, is no news; what holds it up is.
   */
  of(key: string, now: readonly Told[], before: readonly Told[]): EventText[] {
    const reported = this.#reported.get(key) ?? startingFrom(before);
    this.#reported.set(key, reported);
    const ready = now.find(({ type }) => type === 'Ready');
    const readiness = ready && readinessNews(reported, ready);
    const causes = now.filter((told) => isNews(reported, told, ready?.reason));
    // One cause may keep several conditions from being True, and the event of a lost Ready tells the first.
    const known = new Set(readiness?.type === 'Warning' ? [ready?.reason] : []);
    const told = causes.filter(({ reason }) => !known.has(reason) && known.add(reason));
    return [
      ...(readiness ? [readiness] : []),
      ...told.map(({ type, reason, message }) => ({
        type: 'Warning' as const,
        reason,
        message: `${type}: ${message}`.slice(0, LONGEST_MESSAGE),
      })),
    ];
  }

  forget(key: string): void {
    this.#reported.delete(key);
  }
}

const startingFrom = (before: readonly Told[]): Reported => ({
  isReady: before.some(({ type, status }) => type === 'Ready' && status === 'True'),
  causes: new Map(
    before.filter(({ status }) => status === 'False').map(({ type, reason }) => [type, reason]),
  ),
});

function readinessNews(reported: Reported, ready: Told): EventText | undefined {
  const isReady = ready.status === 'True';
  if (isReady === reported.isReady || (!isReady && ['Progressing', 'Hibernating'].includes(ready.reason)))
    return undefined;
  reported.isReady = isReady;
  if (ready.reason === 'Hibernated') return { type: 'Normal', reason: 'Hibernated', message: ready.message };
  return isReady
    ? { type: 'Normal', reason: 'Ready', message: ready.message }
    : { type: 'Warning', reason: 'NotReady', message: ready.message.slice(0, LONGEST_MESSAGE) };
}

/** Notes the causes of this pass on the way. */
function isNews({ causes }: Reported, { type, status, reason }: Told, first: string | undefined): boolean {
  // Summaries repeat others, and the application controller announces each stage of an expiring build itself.
  if (type === 'BuildCurrent' || conditions[type as ConditionType]?.reportedBy === 'summary') return false;
  // An unknown condition says nothing about its cause.
  if (status === 'True') causes.delete(type);
  if (status !== 'False' || causes.get(type) === reason) return false;
  causes.set(type, reason);
  return isCause(type as ConditionType, reason, reason === first);
}
