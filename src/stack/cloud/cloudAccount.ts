import { randomBytes, randomInt } from 'node:crypto';
import { Turns } from '../../base/turns.ts';
import { REFUSED } from '../../cloud/counterparts.ts';
import { refusalCode } from '../../cloud/graphErrors.ts';
import type { NetworkProtocol } from '../wire/networkProtocol.ts';
import { type CallRequest, type CallResponse, Refusal } from '../wire/protocol.ts';
import type { CloudEntry, CloudState } from './cloudState.ts';
import type { GraphNumber } from './graphCall.ts';
import { type GraphClient, GraphRefusal, type NumberBackup } from './graphClient.ts';

export interface CloudAccountOptions {
  readonly state: CloudState;
  readonly record: (...entries: CloudEntry[]) => Promise<void>;
  readonly graph: Pick<GraphClient, 'number' | 'requestCode' | 'verifyCode' | 'register' | 'setPin'>;
  readonly phoneNumberId: string;
  /** Of an On-Premises installation whose number moves here; read when it is needed. */
  readonly backup: (() => Promise<NumberBackup>) | undefined;
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
      const { graph, backup, signal } = this.#options;
      const known = await this.#numberOf(request.cc + request.phone_number);
      const vname = known.verifiedName;
      if (known.status === CONNECTED)
        return {
          outcome: 'already-registered' as const,
          vname,
          registrationKey: await this.#registered(known),
        };
      if (backup) return this.#move(known, request.pin, backup);
      await asked(graph.requestCode(request.method, signal));
      return { outcome: 'code-sent' as const, vname };
    });
  }

  /**
   * Takes the number over from its On-Premises installation, which needs no code. The PIN must be the right one: the vendor ends
   * that installation even if it is wrong.
   */
  async #move(known: GraphNumber, pin: string | undefined, backup: () => Promise<NumberBackup>) {
    if (pin === undefined)
      throw new Refusal(
        1009,
        'pin: give the two-step PIN of the number; if it has none, this one is set. With a wrong one the On-Premises client stops, and the number is registered nowhere',
      );
    await asked(this.#options.graph.register({ pin, backup: await backup() }, this.#options.signal));
    const registrationKey = await this.#registered(known);
    return { outcome: 'already-registered' as const, vname: known.verifiedName, registrationKey };
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
      const chosen = pin ?? String(randomInt(1_000_000)).padStart(6, '0');
      await asked(graph.register({ pin: chosen }, signal));
      return { registrationKey: await this.#registered(known), vname: known.verifiedName };
    });
  }

  /** @throws Refusal 1009 without a PIN; 1005 for another registration key */
  setPin({ registrationKey, pin }: CallRequest<NetworkProtocol, 'setPin'>): Promise<void> {
    return this.#turns.run('account', async () => {
      if (registrationKey !== this.#options.state.registrationKey)
        throw new Refusal(1005, 'the number is registered elsewhere');
      if (pin === undefined) throw new Refusal(REFUSED.twoStepOff.code, REFUSED.twoStepOff.details);
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
