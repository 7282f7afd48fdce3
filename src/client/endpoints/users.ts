import { CodedError } from '../../base/codedError.ts';
import { loginResponse, parseExpiry, type Role, userResponse } from '../../onprem/users.ts';
import type { Calls, Session } from '../calls.ts';

const USERS = '/v1/users';
const path = (username: string): string => `${USERS}/${encodeURIComponent(username)}`;

/** Node Users. Source: docs/onprem/api-admin.md §3. */
export class Users {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * `POST /v1/users/login`, by Basic. With `newPassword` the password changes too, as the first login of admin demands.
   * The token is good for 7 days. 401: wrong credentials, or (code 1024) the default password is still in place.
   */
  async login(
    username: string,
    password: string,
    options: { readonly newPassword?: string },
    signal: AbortSignal,
  ): Promise<Session> {
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    const json = options.newPassword === undefined ? {} : { new_password: options.newPassword };
    const { users } = await this.#calls.json(
      loginResponse,
      `Basic ${basic}`,
      { method: 'POST', path: `${USERS}/login`, json },
      signal,
    );
    const [user] = users;
    if (!user) throw new CodedError('BadAnswer', 'POST /v1/users/login: no token');
    return { token: user.token, expiresAtMs: parseExpiry(user.expires_after) };
  }

  /** `POST /v1/users/logout`: the token of this session is good for nothing any more. */
  async logout(session: Session, signal: AbortSignal): Promise<void> {
    await this.#calls.send(session, { method: 'POST', path: `${USERS}/logout` }, signal);
  }

  /** `POST /v1/users`, by admin. Everybody made so has ROLE_USER. A name that is taken is 1014. */
  async create(session: Session, username: string, password: string, signal: AbortSignal): Promise<void> {
    await this.#calls.send(
      session,
      { method: 'POST', path: USERS, json: { username, password }, isRepeatable: false },
      signal,
    );
  }

  /** `GET /v1/users/{username}`; nothing for one that there is not. There is no call that lists users. */
  async find(
    session: Session,
    username: string,
    signal: AbortSignal,
  ): Promise<{ username: string; role: Role } | undefined> {
    const text = await this.#calls.textIfThere(session, { method: 'GET', path: path(username) }, signal);
    if (text === undefined) return undefined;
    const [user] = userResponse.parse(JSON.parse(text)).users;
    return user && { username: user.username, role: user.ROLES ?? 'ROLE_USER' };
  }

  /** `PUT /v1/users/{username}`, by admin or the user. Tokens that were given out stay good. */
  async setPassword(
    session: Session,
    username: string,
    password: string,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#calls.send(session, { method: 'PUT', path: path(username), json: { password } }, signal);
  }

  /** `DELETE /v1/users/{username}`, by admin, with all tokens. @returns whether there was one */
  async remove(session: Session, username: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#calls.textIfThere(session, { method: 'DELETE', path: path(username) }, signal);
    return answer !== undefined;
  }
}
