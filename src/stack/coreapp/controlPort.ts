import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { RpcServer } from '../wire/rpcServer.ts';

export interface ControlPortOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The port `control`, by which a readiness probe learns whether a node is a member of its stack: it accepts
 * connections only then. Joining needs no call on it, because Masters ask for heartbeats on `healthcheck`.
 */
export class ControlPort {
  readonly #options: ControlPortOptions;
  #server: RpcServer | undefined;
  #isOpen = false;
  #isEnded = false;
  /** Ends the membership of a node that no longer learns whether it is a member. */
  #cancelExpiry = () => {};

  constructor(options: ControlPortOptions) {
    this.#options = options;
  }

  attach(server: RpcServer): void {
    this.#server = server;
  }

  /** The node has just seen whether it is a member. Without another look within `validMs` the port closes. */
  async show(isMember: boolean, validMs: number): Promise<void> {
    if (!isMember) return this.#close('the stack does not count this node as a member');
    if (this.#isEnded) return;
    this.#cancelExpiry();
    const { clock, logger } = this.#options;
    this.#cancelExpiry = clock.after(validMs, () =>
      this.#close(`the database has not answered for ${validMs / 1000} s`),
    );
    if (this.#isOpen) return;
    // Set before the port is open, so that whatever closes it meanwhile is obeyed.
    this.#isOpen = true;
    try {
      await this.#server?.accept(true);
    } catch (error) {
      this.#isOpen = false;
      throw error;
    }
    logger.info('node joined the stack');
  }

  /** The node stops: the port never opens again. */
  end(): void {
    this.#isEnded = true;
    this.#close('the node stops');
  }

  #close(reason: string): void {
    this.#cancelExpiry();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    void this.#server?.accept(false);
    this.#options.logger.info('node is no member of the stack', { reason });
  }
}
