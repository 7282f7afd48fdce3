import type { DueCallback } from '../../store/callbackStore.ts';

/** Statuses that share a callback, at most. */
const MOST_STATUSES = 50;
/** Stands for a body that takes no more. */
const CLOSED: readonly never[] = [];

export interface BodyChoice {
  /** How many bodies may be posted now. */
  readonly room: number;
  /** Whether a callback about this message is under way. */
  readonly isBusy: (about: string) => boolean;
  /** Whether one more status may have a callback of its own; asked once for each status that is posted. */
  readonly mayGoAlone: () => boolean;
}

/**
 * Which callbacks are posted now, and which of them share a body. Those of one message are posted one after another, or in
 * one body in their order; one that has to wait holds back those after it. Only statuses share, and only at their first
 * attempt: one that a receiver does not like must not hold up others for good.
 */
export function chooseBodies<C extends DueCallback>(
  waiting: readonly C[],
  { room, isBusy, mayGoAlone }: BodyChoice,
): { bodies: C[][]; rest: C[] } {
  const bodies: C[][] = [];
  const rest: C[] = [];
  const bodyOf = new Map<string, readonly C[]>();
  let shared: C[] | undefined;
  for (const callback of waiting) {
    const { about, attempts } = callback;
    const before =
      about === undefined ? undefined : (bodyOf.get(about) ?? (isBusy(about) ? CLOSED : undefined));
    const canShare = about !== undefined && attempts === 0;
    const joins = canShare && (before === undefined || before === shared) ? shared : undefined;
    const body = joins ?? (before === undefined && bodies.length < room ? [] : undefined);
    if (about !== undefined) bodyOf.set(about, body ?? CLOSED);
    if (!body) {
      rest.push(callback);
      continue;
    }
    body.push(callback);
    const mustShare = canShare && !mayGoAlone();
    if (!joins) {
      bodies.push(body);
      if (mustShare) shared = body;
    }
    if (body.length === MOST_STATUSES) shared = undefined;
  }
  return { bodies, rest };
}
