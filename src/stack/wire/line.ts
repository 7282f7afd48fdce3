import type { Frame } from './protocol.ts';

/** One end of a connection. */
export interface Line {
  /** Address of the other end. */
  readonly peer: string;
  /** Both ends are of this process, and thus of one release: nobody has to check what the other says. */
  readonly isLocal: boolean;
  /** @throws CodedError `FrameTooLong`, RangeError for a body that is nested too deeply: nothing is sent then */
  send(frame: Frame): void;
  /** Ends the connection; both ends hear of it. */
  close(): void;
}

/** Gives an end of a new connection to who holds it. */
export type Hold = (line: Line) => LineHolder;

/** Who holds an end of a connection. */
export interface LineHolder {
  /** An error that this throws ends the connection. */
  onFrame(frame: Frame): void;
  /** The connection has ended, by this error if one is given. */
  onClose(error?: Error): void;
}
