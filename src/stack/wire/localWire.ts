import type { Hold, Line, LineHolder } from './line.ts';
import type { Frame } from './protocol.ts';

/** Connects the roles of one process, where frames need neither sockets nor JSON. Its ports are known to nobody else. */
export class LocalWire {
  readonly #servers = new Map<number, Hold>();

  /** @returns what closes the port; connections stay */
  serve(port: number, hold: Hold): () => void {
    this.#servers.set(port, hold);
    return () => void this.#servers.delete(port);
  }

  /** @throws an Error with the code of a refused connection */
  connect(port: number, hold: Hold): Line {
    const holdThere = this.#servers.get(port);
    if (!holdThere)
      throw Object.assign(new Error(`nothing serves port ${port} here`), { code: 'ECONNREFUSED' });
    const [near, far] = [new LocalLine(port), new LocalLine(port)];
    near.join(far, hold(near));
    far.join(near, holdThere(far));
    return near;
  }
}

class LocalLine implements Line {
  readonly peer: string;
  readonly isLocal = true;
  #other: LocalLine | undefined;
  #holder: LineHolder | undefined;
  /** Frames that wait until the turn of whoever sent them is over. */
  #incoming: Frame[] = [];

  constructor(port: number) {
    this.peer = `this process, port ${port}`;
  }

  join(other: LocalLine, holder: LineHolder): void {
    this.#other = other;
    this.#holder = holder;
  }

  send(frame: Frame): void {
    if (this.#other) this.#other.#take(frame);
  }

  close(): void {
    this.#end();
  }

  #take(frame: Frame): void {
    // Not queueMicrotask, which makes a resource for async_hooks each time.
    if (this.#incoming.length === 0) void Promise.resolve().then(() => this.#deliver());
    this.#incoming.push(frame);
  }

  #deliver(): void {
    const frames = this.#incoming;
    this.#incoming = [];
    for (const frame of frames) {
      try {
        this.#holder?.onFrame(frame);
      } catch (error) {
        this.#end(error as Error);
      }
    }
  }

  /** Ends both ends. */
  #end(error?: Error): void {
    const [holder, other] = [this.#holder, this.#other];
    this.#holder = undefined;
    this.#other = undefined;
    if (holder) queueMicrotask(() => holder.onClose(error));
    if (other) other.#end();
  }
}
