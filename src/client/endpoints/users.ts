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
   * The token is valid for 7 days. 401: wrong credentials, or (code 1024) the default password is still in place.
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

  /** `POST /v1/users/logout`: invalidates the token of this session. */
  async logout(session: Session, signal: AbortSignal): Promise<void> {
    await this.#calls.send(session, { method: 'POST', path: `${USERS}/logout` }, signal);
  }

  /** `POST /v1/users`, by admin. The new user has ROLE_USER. 1014: the name is in use. */
  async create(session: Session, username: string, password: string, signal: AbortSignal): Promise<void> {
    await this.#calls.send(
      session,
      { method: 'POST', path: USERS, json: { username, password }, isRepeatable: false },
      signal,
    );
  }

  /** `GET /v1/users/{username}`; undefined if there is no such user. The API cannot list users. */
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

  /** `PUT /v1/users/{username}`, by admin or the user. Existing tokens stay valid. */
  async setPassword(
    session: Session,
    username: string,
    password: string,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#calls.send(session, { method: 'PUT', path: path(username), json: { password } }, signal);
  }

  /** `DELETE /v1/users/{username}`, by admin. It invalidates the tokens of the user. @returns whether the user existed */
  async remove(session: Session, username: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#calls.textIfThere(session, { method: 'DELETE', path: path(username) }, signal);
    return answer !== undefined;
  }
}
