import type {
  StackRequest,
  StackResponse,
  StackTransport,
  StreamedResponse,
} from '../../src/client/stackTransport.ts';

/** A fault that the control API sets for a call. */
export type ApiFault =
  | { readonly code: number }
  | { readonly status: number }
  | { readonly delayMs: number }
  | { readonly cut: 'before' | 'after' };
/** The fault of a call: of the stack, or a crash of the caller before the call or before its answer. */
export type CallFault = ApiFault | { readonly crash: 'before' | 'after' };

/** Thrown in a killed process, so that nothing it does afterwards has an effect. */
export class Killed extends Error {}

export interface FaultyTransportOptions {
  readonly inner: StackTransport;
  readonly fault: (request: StackRequest) => CallFault | undefined;
  /** Sets the fault in the stack for the next call of this method and path. */
  readonly setFault: (request: StackRequest, fault: ApiFault) => Promise<void>;
  /** Throws `Killed` if the process is dead. */
  readonly alive: () => void;
  readonly kill: () => never;
  /** Calls that the stack may have acted on. */
  readonly onActed: (request: StackRequest) => void;
}

/** A transport that injects faults of the stack and crashes of the caller. */
export class FaultyTransport implements StackTransport {
  readonly #options: FaultyTransportOptions;

  constructor(options: FaultyTransportOptions) {
    this.#options = options;
  }

  async request(request: StackRequest, signal: AbortSignal): Promise<StackResponse> {
    const { alive, kill, setFault } = this.#options;
    alive();
    const fault = this.#options.fault(request);
    if (fault && 'crash' in fault) {
      if (fault.crash === 'after') await this.#act(request, signal);
      return kill();
    }
    if (fault) await setFault(request, fault);
    if (fault && 'cut' in fault && fault.cut === 'after') this.#options.onActed(request);
    const response = await this.#act(request, signal);
    alive();
    return response;
  }

  async #act(request: StackRequest, signal: AbortSignal): Promise<StackResponse> {
    const response = await this.#options.inner.request(request, signal);
    if (response.status < 300) this.#options.onActed(request);
    return response;
  }

  stream(request: StackRequest, signal: AbortSignal): Promise<StreamedResponse> {
    return this.#options.inner.stream(request, signal);
  }

  close(): void {
    this.#options.inner.close();
  }
}
