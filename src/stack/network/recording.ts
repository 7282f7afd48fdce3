import * as z from 'zod';

/** A callback as a receiver got it, `afterMs` after the recording began. */
export const recordedCallback = z.object({ afterMs: z.number(), body: z.unknown() });
type RecordedCallback = z.output<typeof recordedCallback>;

/** Callbacks that the receiver answered with 200, as a fixture for tests of another receiver. */
export interface Recording {
  readonly startedAtMs: number;
  isOn: boolean;
  readonly callbacks: RecordedCallback[];
}

/** Further callbacks are dropped, so that a recording stays readable. */
export const LONGEST_RECORDING = 10_000;
