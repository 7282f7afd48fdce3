import { randomBytes, randomInt } from 'node:crypto';
import { Turns } from '../../base/turns.ts';
import { refusalCode } from '../../cloud/graphErrors.ts';
import type { NetworkProtocol } from '../wire/networkProtocol.ts';
import { type CallRequest, type CallResponse, Refusal } from '../wire/protocol.ts';
import type { CloudEntry, CloudState } from './cloudState.ts';
import type { GraphNumber } from './graphCall.ts';
import { type GraphClient, GraphRefusal } from './graphClient.ts';

export interface CloudAccountOptions {
  readonly state: CloudState;
  readonly record: (...entries: CloudEntry[]) => Promise<void>;
  readonly graph: Pick<GraphClient, 'number' | 'requestCode' | 'verifyCode' | 'register' | 'setPin'>;
  readonly phoneNumberId: string;
  /** The number is registered: the sessions of its former installation end. */
  readonly onRegistered: (number: string) => void;
  /** Ends with the gateway. */
  readonly signal: AbortSignal;
}

const CONNECTED = 'CONNECTED';

/** Registration and PIN of the number. */
export class CloudAccount {
  readonly #options: CloudAccountOptions;
  readonly #turns = new Turns();

  constructor(options: CloudAccountOptions) {
    this.#options = options;
  }

  /** A number that Graph has connected already needs no code. @throws Refusal with the reason */
  requestCode(
    request: CallRequest<NetworkProtocol, 'requestCode'>,
  ): Promise<CallResponse<NetworkProtocol, 'requestCode'>> {
    return this.#turns.run('account', async () => {
      const { graph, signal } = this.#options;
      const known = await this.#numberOf(request.cc + request.phone_number);
      const vname = known.verifiedName;
      if (known.status === CONNECTED)
        return {
          outcome: 'already-registered' as const,
          vname,
          registrationKey: await this.#registered(known),
        };
      await asked(graph.requestCode(request.method, signal));
      return { outcome: 'code-sent' as const, vname };
    });
  }

  /** @throws Refusal with the reason */
  register({
    number,
    code,
    pin,
  }: CallRequest<NetworkProtocol, 'register'>): Promise<CallResponse<NetworkProtocol, 'register'>> {
    return this.#turns.run('account', async () => {
      const { graph, signal } = this.#options;
      const known = await this.#numberOf(number);
      await asked(graph.verifyCode(code, signal));
      // A number of the Cloud API always has a PIN. One that nobody chose can be set anew with `setPin`.
      await asked(graph.register(pin ?? String(randomInt(1_000_000)).padStart(6, '0'), signal));
      return { registrationKey: await this.#registered(known), vname: known.verifiedName };
    });
  }

  /** @throws Refusal 1009 without a PIN; 1005 for another registration key */
  setPin({ registrationKey, pin }: CallRequest<NetworkProtocol, 'setPin'>): Promise<void> {
    return this.#turns.run('account', async () => {
      if (registrationKey !== this.#options.state.registrationKey)
        throw new Refusal(1005, 'the number is registered elsewhere');
      if (pin === undefined)
        throw new Refusal(
          1009,
          'The Cloud API cannot switch two-step verification off; set another PIN instead',
        );
      await asked(this.#options.graph.setPin(pin, this.#options.signal));
    });
  }

  async #numberOf(number: string): Promise<GraphNumber> {
    const { graph, phoneNumberId, signal } = this.#options;
    const known = await asked(graph.number(signal));
    if (known.number !== number)
      throw new Refusal(
        1005,
        `The phone number id ${phoneNumberId} belongs to +${known.number}, not to +${number}`,
      );
    return known;
  }

  async #registered({ number }: GraphNumber): Promise<string> {
    const { record, onRegistered } = this.#options;
    const registrationKey = randomBytes(24).toString('base64url');
    await record({ type: 'registered', number, registrationKey });
    onRegistered(number);
    return registrationKey;
  }
}

/** @throws Refusal with the counterpart of what Graph refused; 1011 if it did not answer */
export async function asked<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof GraphRefusal) throw new Refusal(refusalCode(error.error), error.message);
    throw new Refusal(1011, `The Cloud API did not answer: ${(error as Error).message}`);
  }
}
