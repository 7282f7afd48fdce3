import type {
  StackRequest,
  StackResponse,
  StackTransport,
  StreamedResponse,
} from '../../src/client/stackTransport.ts';

/** What somebody sets at the control API for a call. */
export type ApiFault =
  | { readonly code: number }
  | { readonly status: number }
  | { readonly delayMs: number }
  | { readonly cut: 'before' | 'after' };
/** What befalls a call: a fault of the stack, or the end of the caller before it went out or before its answer came. */
export type CallFault = ApiFault | { readonly crash: 'before' | 'after' };

/** The process was killed: nothing that it does from here on has an effect. */
export class Killed extends Error {}

export interface FaultyTransportOptions {
  readonly inner: StackTransport;
  readonly fault: (request: StackRequest) => CallFault | undefined;
  /** Has the stack meet the next call like this one with the fault. */
  readonly setFault: (request: StackRequest, fault: ApiFault) => Promise<void>;
  /** Throws `Killed` where the process is dead. */
  readonly alive: () => void;
  readonly kill: () => never;
  /** Calls that the stack may have acted on. */
  readonly onActed: (request: StackRequest) => void;
}

/** A wire on which calls meet faults of the stack, and at which the caller dies. */
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
