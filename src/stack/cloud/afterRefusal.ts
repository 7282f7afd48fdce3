import { type GraphError, type Remedy, remedyOf } from '../../cloud/graphErrors.ts';

/** What happens after Graph refused a message: nothing more, or another attempt. */
export type Next =
  | { readonly kind: 'fail' }
  /** `holds`: whose messages wait as well. */
  | { readonly kind: 'again'; readonly afterMs: number; readonly holds: 'message' | 'person' | 'number' }
  /** No message goes before there is another access token, or the number is connected again. */
  | { readonly kind: 'stop'; readonly until: 'token' | 'connected' };

/** Waits that double, and the longest of them. `pair` is the documented 4^n seconds. */
const WAITS = {
  number: { firstMs: 1_000, factor: 2, longestMs: 60_000 },
  pair: { firstMs: 4_000, factor: 4, longestMs: 3_600_000 },
  transient: { firstMs: 5_000, factor: 2, longestMs: 300_000 },
  spam: { firstMs: 3_600_000, factor: 2, longestMs: 24 * 3_600_000 },
} as const satisfies Partial<Record<Remedy, object>>;

const HOLDS = { number: 'number', pair: 'person', transient: 'message', spam: 'number' } as const;

/** `failures`: how often the message was refused before. */
export function afterRefusal(error: GraphError, failures: number): Next {
  const remedy = remedyOf(error);
  switch (remedy) {
    case 'never':
      return { kind: 'fail' };
    case 'token':
      return { kind: 'stop', until: 'token' };
    case 'unregistered':
      return { kind: 'stop', until: 'connected' };
    default:
      return { kind: 'again', afterMs: waitMs(remedy, failures), holds: HOLDS[remedy] };
  }
}

/** After `failures` attempts that could not reach Graph. */
export const unreachableWaitMs = (failures: number): number => waitMs('number', failures);

function waitMs(remedy: keyof typeof WAITS, failures: number): number {
  const { firstMs, factor, longestMs } = WAITS[remedy];
  return Math.min(longestMs, firstMs * factor ** failures);
}
