import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** Large, because the layers above cost the same for each chunk, and zstd hands each to a thread. */
const CHUNK_BYTES = 256 * 1024;

/**
 * The reading end of a named pipe that was opened without waiting. A writer such as mariadb-dump writes 4 KiB at a time; the
 * chunks that come out are full except for the last one. Two buffers take turns: one is filled while the other one is in use,
 * and a chunk is valid until the next one is asked for.
 */
export class PipeReader {
  readonly #buffers = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)] as const;
  readonly #socket: Socket;
  #turn: 0 | 1 = 0;
  #length = 0;
  #full: Buffer | undefined;
  #error: Error | undefined;
  #isOver = false;
  #wake = (): void => {};

  constructor(fd: number) {
    // The event loop reads it, as a socket: reads of a file would each hold a thread.
    // The types know onread only of connections that are made.
    const options: SocketConstructorOpts & ConnectOpts = {
      fd,
      readable: true,
      writable: false,
      onread: {
        buffer: () => this.#buffers[this.#turn].subarray(this.#length),
        callback: (bytes) => this.#take(bytes),
      },
    };
    this.#socket = new Socket(options);
    this.#socket
      .on('error', (error) => {
        this.#error = error;
        this.#wake();
      })
      .on('close', () => this.#end())
      .on('end', () => this.#end());
  }

  async *chunks(): AsyncGenerator<Buffer> {
    for (;;) {
      this.#socket.resume();
      while (!this.#full && !this.#isOver && !this.#error)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      if (this.#error) throw this.#error;
      const chunk = this.#full;
      this.#full = undefined;
      if (chunk) yield chunk;
      else break;
    }
    if (this.#length > 0) yield this.#buffers[this.#turn].subarray(0, this.#length);
  }

  /** Ends the reading; `chunks` fails with the error. */
  destroy(error?: Error): void {
    this.#socket.destroy(error);
  }

  /** @returns whether to go on reading: not before the other buffer has been used */
  #take(bytes: number): boolean {
    this.#length += bytes;
    if (this.#length < CHUNK_BYTES) return true;
    this.#full = this.#buffers[this.#turn];
    this.#turn = this.#turn === 0 ? 1 : 0;
    this.#length = 0;
    this.#wake();
    return false;
  }

  #end(): void {
    this.#isOver = true;
    this.#wake();
  }
}
