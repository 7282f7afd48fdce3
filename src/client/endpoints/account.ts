import { CodedError } from '../../base/codedError.ts';
import { safeJson } from '../../base/safeJson.ts';
import { type CodeRequest, codeRequested, type ShardsRequest, shardsResponse } from '../../onprem/account.ts';
import type { Calls, Session } from '../calls.ts';

const ACCOUNT = '/v1/account';
const SHARDS = `${ACCOUNT}/shards`;
const TWO_STEP = '/v1/settings/account/two-step';

export type CodeOutcome =
  | { readonly outcome: 'code-sent'; readonly vname: string }
  | { readonly outcome: 'already-registered' };

/** Node Account, and two-step verification. Source: docs/onprem/api-admin.md §4–6. */
export class AccountNode {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * `POST /v1/account`: asks for a registration code. 403/1005: refused; `details` may say in prose how
   * long to wait. Never repeat this call automatically: the next code may be hours away.
   */
  async requestCode(session: Session, request: CodeRequest, signal: AbortSignal): Promise<CodeOutcome> {
    const { status, body } = await this.#calls.send(
      session,
      { method: 'POST', path: ACCOUNT, json: request, isRepeatable: false },
      signal,
    );
    if (status === 201) return { outcome: 'already-registered' };
    const parsed = codeRequested.safeParse(safeJson(body));
    if (!parsed.success) throw new CodedError('BadAnswer', `POST ${ACCOUNT}: unexpected answer`);
    return { outcome: 'code-sent', vname: parsed.data.account[0]?.vname ?? '' };
  }

  /** `POST /v1/account/verify`: registers with the code that arrived, with or without a dash. 403/1005: refused. */
  async verify(session: Session, code: string, signal: AbortSignal): Promise<void> {
    await this.#calls.send(
      session,
      { method: 'POST', path: `${ACCOUNT}/verify`, json: { code }, isRepeatable: false },
      signal,
    );
  }

  /** `GET /v1/account/shards`: 1, 2, 4, 8, 16 or 32. */
  async shards(session: Session, signal: AbortSignal): Promise<number> {
    return (await this.#calls.json(shardsResponse, session, { method: 'GET', path: SHARDS }, signal)).account
      .shards;
  }

  /**
   * `POST /v1/account/shards`. The stack keeps sending messages, and refuses some with 1018 for a moment. 403: try again
   * later. More than 7 days after the registration, this call disconnects the number, and an expired certificate may get
   * the number banned.
   */
  async setShards(session: Session, request: ShardsRequest, signal: AbortSignal): Promise<void> {
    await this.#calls.send(
      session,
      { method: 'POST', path: SHARDS, json: request, isRepeatable: false },
      signal,
    );
  }

  /** `POST /v1/settings/account/two-step`, or `DELETE` without a PIN (6 digits). The API cannot read it. */
  async setTwoStep(session: Session, pin: string | undefined, signal: AbortSignal): Promise<void> {
    const request =
      pin === undefined
        ? ({ method: 'DELETE', path: TWO_STEP } as const)
        : ({ method: 'POST', path: TWO_STEP, json: { pin } } as const);
    await this.#calls.send(session, request, signal);
  }
}
