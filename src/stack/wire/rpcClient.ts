import { setMaxListeners } from 'node:events';
import { createConnection } from 'node:net';
import { type Clock, withDeadline } from '../../base/clock.ts';
import { Deadlines } from '../../base/deadlines.ts';
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
/** Signals that are listened to while no call waits: most calls share a few, and to listen anew costs as much as a call. */
const IDLE_SIGNALS = 8;

interface Pending {
  readonly call: string;
  /** Each ends the call; what comes later changes nothing. */
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: unknown) => void;
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
  readonly #deadlines: Deadlines<Pending>;
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
    this.#deadlines = new Deadlines(options.clock, ({ reject }) => reject(new Unreachable(this.#address)));
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
  call<N extends CallName<P>>(
    name: N,
    request: CallInput<P, N>,
    signal: AbortSignal,
    timeoutMs: number = RPC_DEFAULTS.callTimeoutMs,
  ): Promise<CallResponse<P, N>> {
    if (this.#closed) return Promise.reject(this.#incompatible ?? new Unreachable(this.#address));
    const shape = this.#protocol.calls[name];
    if (!shape) return Promise.reject(new Error(`no call ${name}`));
    if (signal.aborted) return Promise.reject(signal.reason);
    const answer = this.#ask(name, request, signal, timeoutMs) as Promise<CallResponse<P, N>>;
    return this.#line.isLocal
      ? answer
      : answer.then((body) => shape.response.parse(body) as CallResponse<P, N>);
  }

  #ask(call: string, body: unknown, signal: AbortSignal, timeoutMs: number): Promise<unknown> {
    const id = this.#nextId++;
    const abortable = this.#abortable.get(signal) ?? this.#listenTo(signal);
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#pending.delete(id);
        this.#deadlines.delete(pending);
        abortable.calls.delete(pending);
        if (abortable.calls.size === 0 && this.#abortable.size > IDLE_SIGNALS) this.#releaseIdle();
      };
      const pending: Pending = {
        call,
        resolve: (answer) => {
          end();
          resolve(answer);
        },
        reject: (error) => {
          end();
          reject(error);
        },
      };
      this.#pending.set(id, pending);
      this.#deadlines.add(pending, timeoutMs);
      abortable.calls.add(pending);
      try {
        this.#line.send({ id, call, body });
      } catch (error) {
        pending.reject(error);
      }
    });
  }

  /** Listens no longer to the signal that has been known longest among those without calls. */
  #releaseIdle(): void {
    const idle = [...this.#abortable.values()].find(({ calls }) => calls.size === 0);
    idle?.release();
  }

  #listenTo(signal: AbortSignal): AbortableCalls {
    const calls = new Set<Pending>();
    const onAbort = () => {
      for (const { reject } of [...calls]) reject(signal.reason);
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
      const body = this.#line.isLocal ? frame.body : shape.parse(frame.body);
      this.#options.onEvent?.(name, body as EventBody<P, typeof name>);
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
    for (const { reject } of [...this.#pending.values()]) reject(error);
    for (const { release } of [...this.#abortable.values()]) release();
    this.#deadlines.close();
    this.#options.onClose?.();
  }
}
