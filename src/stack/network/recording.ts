/** A callback as a receiver got it. */
interface RecordedCallback {
  /** Since the recording began. */
  readonly afterMs: number;
  readonly body: unknown;
}

/** Callbacks that a receiver has answered with 200, to be played to another one. */
export interface Recording {
  readonly startedAtMs: number;
  isOn: boolean;
  readonly callbacks: RecordedCallback[];
}

/** More are not kept: a fixture is to be read. */
export const LONGEST_RECORDING = 10_000;
