import { randomBytes, randomInt } from 'node:crypto';
import { Turns } from '../../base/turns.ts';
import { SHARD_CHANGE_DAYS, waitDetails } from '../../onprem/account.ts';
import { codeHash, parseCertificate } from '../../onprem/emulatorCertificate.ts';
import { Refusal } from '../wire/protocol.ts';
import type { Entry, NumberState } from './networkEntries.ts';
import type { NetworkState } from './networkState.ts';

const REGISTRATION_BEHAVIOUR = {
  /** Time between two code requests; the real one is hours, announced only as prose. */
  codeCooldownMs: 10 * 60_000,
  /** Not found in any source: the names of the reasons other than the documented one. */
  wrongCode: "Registration failed for reason 'incorrect_code'.",
  badCertificate: "Registration failed for reason 'biz_link_info_invalid_payload'.",
  expiredCertificate: "Registration failed for reason 'biz_link_cert_expired'.",
  wrongPin: "Registration failed for reason 'incorrect_pin'.",
} as const;

export interface RegistrarOptions {
  readonly state: NetworkState;
  readonly record: (...entries: Entry[]) => Promise<void>;
  readonly now: () => number;
}

interface CodeRequest {
  readonly cc: string;
  readonly phone_number: string;
  readonly cert: string;
  readonly pin?: string | undefined;
  readonly registrationKey?: string | undefined;
}

interface Verification {
  readonly number: string;
  readonly code: string;
  readonly pin?: string | undefined;
}

/** Registration of numbers: codes, certificates, PINs. */
export class Registrar {
  readonly #options: RegistrarOptions;
  /** What is checked must still hold when it is recorded, so a number has one request at a time. */
  readonly #turns = new Turns();

  constructor(options: RegistrarOptions) {
    this.#options = options;
  }

  /** @throws Refusal with the reason */
  requestCode(request: CodeRequest) {
    return this.#turns.run(request.cc + request.phone_number, () => this.#requestCode(request));
  }

  async #requestCode(request: CodeRequest) {
    const { state, record } = this.#options;
    const id = request.cc + request.phone_number;
    const number = state.known(id);
    const certificate = this.#checkCertificate(request.cert, id);
    if (request.registrationKey && request.registrationKey === number.registrationKey) {
      return { outcome: 'already-registered' as const, vname: certificate.vname };
    }
    this.#checkPin(number, request.pin);
    const now = this.#options.now();
    const waitMs =
      (number.codeRequestedAt ?? Number.NEGATIVE_INFINITY) + REGISTRATION_BEHAVIOUR.codeCooldownMs - now;
    if (waitMs > 0) throw new Refusal(1005, waitDetails(waitMs));
    // If the certificate has no code, the control page shows one, as a phone would.
    const code = certificate.codeHash ? undefined : String(randomInt(1_000_000)).padStart(6, '0');
    await record({
      type: 'code-requested',
      number: id,
      vname: certificate.vname,
      codeHash: certificate.codeHash ?? codeHash(code ?? ''),
      ...(code === undefined ? {} : { code }),
      at: now,
    });
    return { outcome: 'code-sent' as const, vname: certificate.vname };
  }

  #checkCertificate(cert: string, number: string) {
    const certificate = parseCertificate(cert);
    if (!certificate || (certificate.number && certificate.number !== number)) {
      throw new Refusal(1005, REGISTRATION_BEHAVIOUR.badCertificate);
    }
    if (certificate.notAfter && Date.parse(certificate.notAfter) < this.#options.now()) {
      throw new Refusal(1005, REGISTRATION_BEHAVIOUR.expiredCertificate);
    }
    return certificate;
  }

  #checkPin(number: Readonly<NumberState>, pin: string | undefined): void {
    if (number.pin === undefined || number.pin === pin) return;
    throw pin === undefined
      ? new Refusal(1008, 'pin is required')
      : new Refusal(1005, REGISTRATION_BEHAVIOUR.wrongPin);
  }

  /** @throws Refusal with the reason */
  register(request: Verification) {
    return this.#turns.run(request.number, () => this.#register(request));
  }

  async #register(request: Verification) {
    const { state, record } = this.#options;
    const number = state.known(request.number);
    this.#checkPin(number, request.pin);
    if (!number.codeHash || number.codeHash !== codeHash(request.code))
      throw new Refusal(1005, REGISTRATION_BEHAVIOUR.wrongCode);
    const registrationKey = randomBytes(24).toString('base64url');
    await record({ type: 'registered', number: request.number, registrationKey, at: this.#options.now() });
    return { registrationKey, vname: number.vname };
  }

  /** @returns whether the number is still registered. @throws Refusal with the reason */
  async reshard(
    request: Omit<CodeRequest, 'registrationKey'> & { registrationKey: string },
  ): Promise<boolean> {
    const { state, record } = this.#options;
    const id = request.cc + request.phone_number;
    const number = state.known(id);
    if (number.registrationKey !== request.registrationKey)
      throw new Refusal(1005, 'the number is registered elsewhere');
    this.#checkCertificate(request.cert, id);
    this.#checkPin(number, request.pin);
    const ageMs = this.#options.now() - (number.registeredAt ?? this.#options.now());
    if (ageMs <= SHARD_CHANGE_DAYS * 86_400_000) return true;
    await record({ type: 'unregistered', number: id });
    return false;
  }

  /** Only the installation that holds the number may do this. @throws Refusal 1005 for another registration key */
  async setPin(request: {
    number: string;
    registrationKey: string;
    pin?: string | undefined;
  }): Promise<void> {
    const { number, registrationKey, pin } = request;
    const { state, record } = this.#options;
    if (state.known(number).registrationKey !== registrationKey)
      throw new Refusal(1005, 'the number is registered elsewhere');
    await record({ type: 'pin', number, ...(pin === undefined ? {} : { pin }) });
  }
}
