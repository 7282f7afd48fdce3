import { setMaxListeners } from 'node:events';
import { createConnection } from 'node:net';
import { type Clock, withDeadline } from '../../base/clock.ts';
import { FrameSocket } from './frames.ts';
import { mismatch, parseVersions, type Versions, versionsOf, WITHOUT_HANDSHAKE } from './handshake.ts';
import type { Hold, Line } from './line.ts';
import type { LineSeal } from './lineSeal.ts';
import type { LocalWire } from './localWire.ts';
import {
  type CallInput,
  type CallName,
  type CallResponse,
  type EventBody,
  type EventName,
  type Frame,
  IncompatiblePeer,
  type Protocol,
  Refusal,
  UnknownCall,
  Unreachable,
  unknownCall,
} from './protocol.ts';

export interface RpcClientOptions<P extends Protocol> {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly connectTimeoutMs?: number;
  /** Set on links between processes that share a `WA_SECRET`. */
  readonly seal?: LineSeal | undefined;
  /** Where the server is in this process; then the port is one of this wire. */
  readonly wire?: LocalWire | undefined;
  readonly onEvent?: <N extends EventName<P>>(event: N, body: EventBody<P, N>) => void;
  readonly onClose?: () => void;
}

const RPC_DEFAULTS = { connectTimeoutMs: 5_000, callTimeoutMs: 30_000 } as const;

interface Pending {
  readonly call: string;
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface AbortableCalls {
  readonly calls: Set<Pending>;
  readonly release: () => void;
}

/** One connection to a server. A lost connection stays lost: its user opens a new one. */
export class RpcClient<P extends Protocol> {
  readonly #protocol: P;
  readonly #options: RpcClientOptions<P>;
  readonly #line: Line;
  readonly #pending = new Map<number, Pending>();
  /** Calls by the signal that aborts them. One listener per signal: one per call would cost more than the call. */
  readonly #abortable = new Map<AbortSignal, AbortableCalls>();
  #nextId = 1;
  #closed = false;
  /** What the server said that it speaks. */
  #spoken: Versions | undefined;
  #incompatible: IncompatiblePeer | undefined;

  private constructor(protocol: P, options: RpcClientOptions<P>, connect: (hold: Hold) => Line) {
    this.#protocol = protocol;
    this.#options = options;
    this.#line = connect(() => ({
      onFrame: (frame) => this.#receive(frame),
      onClose: () => this.#onClose(),
    }));
    this.#line.send({ hello: versionsOf(protocol) });
  }

  /** @throws Unreachable */
  static async connect<P extends Protocol>(
    protocol: P,
    options: RpcClientOptions<P>,
    signal: AbortSignal,
  ): Promise<RpcClient<P>> {
    const { host, port, seal, wire } = options;
    const address = `${host}:${port}`;
    if (wire) {
      signal.throwIfAborted();
      return new RpcClient(protocol, options, (hold) => {
        try {
          return wire.connect(port, hold);
        } catch (error) {
          throw new Unreachable(address, error);
        }
      });
    }
    const socket = createConnection({ host, port });
    const timeoutMs = options.connectTimeoutMs ?? RPC_DEFAULTS.connectTimeoutMs;
    const deadline = withDeadline(options.clock, signal, timeoutMs, () => new Unreachable(address));
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', (error) => reject(new Unreachable(address, error)));
        deadline.signal.addEventListener('abort', () => reject(deadline.signal.reason), { once: true });
      });
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      deadline.release();
    }
    return new RpcClient(protocol, options, (hold) => new FrameSocket(socket, hold, seal));
  }

  get #address(): string {
    return `${this.#options.host}:${this.#options.port}`;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws Refusal from the server, Unreachable after a lost connection (the call may have been carried out) */
  async call<N extends CallName<P>>(
    name: N,
    request: CallInput<P, N>,
    signal: AbortSignal,
    timeoutMs: number = RPC_DEFAULTS.callTimeoutMs,
  ): Promise<CallResponse<P, N>> {
    const address = this.#address;
    if (this.#closed) throw this.#incompatible ?? new Unreachable(address);
    const shape = this.#protocol.calls[name];
    if (!shape) throw new Error(`no call ${name}`);
    const id = this.#nextId++;
    signal.throwIfAborted();
    const abortable = this.#abortable.get(signal) ?? this.#listenTo(signal);
    let cancel = () => {};
    let pending: Pending | undefined;
    try {
      const body = await new Promise<unknown>((resolve, reject) => {
        pending = { call: name, resolve, reject };
        this.#pending.set(id, pending);
        abortable.calls.add(pending);
        cancel = this.#options.clock.after(timeoutMs, () => reject(new Unreachable(address)));
        this.#line.send({ id, call: name, body: request });
      });
      return shape.response.parse(body) as CallResponse<P, N>;
    } finally {
      cancel();
      this.#pending.delete(id);
      if (pending) abortable.calls.delete(pending);
      if (abortable.calls.size === 0) abortable.release();
    }
  }

  #listenTo(signal: AbortSignal): AbortableCalls {
    const calls = new Set<Pending>();
    const onAbort = () => {
      for (const { reject } of calls) reject(signal.reason);
    };
    // Many clients share one signal.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', onAbort, { once: true });
    const release = () => {
      signal.removeEventListener('abort', onAbort);
      this.#abortable.delete(signal);
    };
    this.#abortable.set(signal, { calls, release });
    return { calls, release };
  }

  close(): void {
    this.#line.close();
    this.#onClose();
  }

  #receive(frame: Frame): void {
    // A server of before the handshake never says what it speaks.
    if ('hello' in frame || !this.#spoken)
      this.#hear('hello' in frame ? parseVersions(frame.hello) : WITHOUT_HANDSHAKE);
    if (this.#incompatible) return;
    if ('event' in frame) {
      const shape = this.#protocol.events[frame.event];
      if (!shape) return;
      const name = frame.event as EventName<P>;
      this.#options.onEvent?.(name, shape.parse(frame.body) as EventBody<P, typeof name>);
    } else if ('ok' in frame) {
      const pending = this.#pending.get(frame.id);
      if (frame.ok) pending?.resolve(frame.body);
      else if (pending && frame.details === unknownCall(pending.call))
        pending.reject(new UnknownCall(pending.call));
      else pending?.reject(new Refusal(frame.code, frame.details));
    }
  }

  #hear(spoken: Versions): void {
    this.#spoken = spoken;
    const problem = mismatch(this.#protocol, spoken);
    if (problem === undefined) return;
    this.#incompatible = new IncompatiblePeer(this.#address, problem);
    this.close();
  }

  #onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    const error = this.#incompatible ?? new Unreachable(this.#address);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#options.onClose?.();
  }
}
