import type { Socket } from 'node:net';
import type { LineSeal } from './lineSeal.ts';
import type { Frame } from './protocol.ts';

/** A peer that sends a longer line is disconnected. */
const LONGEST_FRAME = 16 * 1024 * 1024;

/** JSON frames on a socket, one a line. Frames of one tick leave in one write; with a secret, as one sealed line. */
export class FrameSocket {
  readonly socket: Socket;
  readonly #seal: LineSeal | undefined;
  #outgoing: string[] = [];

  constructor(socket: Socket, onFrame: (frame: Frame) => void, seal?: LineSeal) {
    this.socket = socket;
    this.#seal = seal;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      rest += chunk;
      if (rest.length > LONGEST_FRAME) return void socket.destroy(new Error('frame too long'));
      for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 1);
        try {
          const text = seal ? seal.open(line) : line;
          for (const frame of text.split('\n')) onFrame(JSON.parse(frame) as Frame);
        } catch (error) {
          return void socket.destroy(error as Error);
        }
      }
    });
  }

  send(frame: Frame): void {
    if (this.#outgoing.length === 0) queueMicrotask(() => this.#flush());
    this.#outgoing.push(JSON.stringify(frame));
  }

  #flush(): void {
    const text = this.#outgoing.join('\n');
    this.#outgoing = [];
    if (!this.socket.destroyed) this.socket.write(`${this.#seal?.seal(text) ?? text}\n`);
  }
}
