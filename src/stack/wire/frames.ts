import type { Socket } from 'node:net';
import { CodedError } from '../../base/codedError.ts';
import type { Hold, Line } from './line.ts';
import type { LineSeal } from './lineSeal.ts';
import type { Frame } from './protocol.ts';

/** A peer that sends a longer line is disconnected. */
const LONGEST_FRAME = 16 * 1024 * 1024;
/** Frames that leave together. A sealed line holds all of them, and has the same longest length. */
const LONGEST_WRITE = 2 * 1024 * 1024;
/** A sealed line is longer than what it holds. */
const SEALED_LONGER = 1.4;

/** JSON frames on a socket, one a line. Frames of one turn leave in one write; with a secret, as one sealed line. */
export class FrameSocket implements Line {
  readonly peer: string;
  readonly isLocal = false;
  readonly #socket: Socket;
  readonly #seal: LineSeal | undefined;
  #outgoing: string[] = [];
  #length = 0;

  constructor(socket: Socket, hold: Hold, seal?: LineSeal) {
    this.#socket = socket;
    this.peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#seal = seal;
    const holder = hold(this);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    // The beginning of a line, in pieces: joined for each piece, a long line would take the square of its time.
    let pieces: string[] = [];
    let length = 0;
    socket.setEncoding('utf8');
    // Its close follows.
    let problem: Error | undefined;
    socket.on('error', (error) => {
      problem = error;
    });
    socket.on('close', () => holder.onClose(problem));
    socket.on('data', (chunk: string) => {
      let start = 0;
      for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
        const line = pieces.join('') + chunk.slice(start, end);
        pieces = [];
        length = 0;
        start = end + 1;
        try {
          const text = seal ? seal.open(line) : line;
          for (const frame of text.split('\n')) holder.onFrame(JSON.parse(frame) as Frame);
        } catch (error) {
          return void socket.destroy(error as Error);
        }
      }
      pieces.push(chunk.slice(start));
      length += chunk.length - start;
      if (length > LONGEST_FRAME) socket.destroy(new Error('frame too long'));
    });
  }

  send(frame: Frame): void {
    const text = JSON.stringify(frame);
    if (text.length * SEALED_LONGER > LONGEST_FRAME)
      throw new CodedError('FrameTooLong', `a frame of ${text.length} characters is too long for the peer`);
    if (this.#outgoing.length > 0 && this.#length + text.length > LONGEST_WRITE) this.#flush();
    if (this.#outgoing.length === 0) setImmediate(() => this.#flush());
    this.#outgoing.push(text);
    this.#length += text.length;
  }

  close(): void {
    this.#socket.destroy();
  }

  #flush(): void {
    if (this.#outgoing.length === 0) return;
    const text = this.#outgoing.join('\n');
    this.#outgoing = [];
    this.#length = 0;
    if (!this.#socket.destroyed) this.#socket.write(`${this.#seal?.seal(text) ?? text}\n`);
  }
}
