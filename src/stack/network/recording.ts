import { z } from 'zod';

/** A callback as a receiver got it, `afterMs` after the recording began. */
export const recordedCallback = z.object({ afterMs: z.number(), body: z.unknown() });
type RecordedCallback = z.output<typeof recordedCallback>;

/** Callbacks that a receiver has answered with 200, to be played to another one. */
export interface Recording {
  readonly startedAtMs: number;
  isOn: boolean;
  readonly callbacks: RecordedCallback[];
}

/** More are not kept: a fixture is to be read. */
export const LONGEST_RECORDING = 10_000;
