import {
  DEFAULT_ADMIN,
  formatExpiry,
  loginRequest,
  newPassword,
  newUser,
  passwordProblem,
} from '../../../onprem/users.ts';
import { Refusal } from '../../wire/protocol.ts';
import { jsonAnswer } from '../respond.ts';
import { type Call, type Route, route } from '../route.ts';
import { issueToken } from '../tokens.ts';

/** Users. Source: docs/onprem/api-admin.md §3. */
export const userRoutes: readonly Route[] = [
  route(
    {
      method: 'POST',
      path: '/v1/users/login',
      access: 'basic',
      summary: 'Log in; with new_password the password changes too',
      fidelity: 'inferred',
      note: 'the status of 1024, Password Change Required, is not documented',
      body: loginRequest,
    },
    async ({ user, body: { new_password: wanted } }, { store, jwtKey, clock, version }) => {
      if (!user) throw new Refusal(1005);
      const { username } = user;
      if (wanted === undefined && user.mustChange) throw new Refusal(1024);
      if (wanted !== undefined) {
        checkPassword(wanted);
        await store.setPassword(username, wanted);
      }
      const { token, expiresAt } = issueToken(username, jwtKey, clock.now());
      await store.storeToken(token, username, expiresAt * 1000);
      return jsonAnswer(
        { status: 200, payload: { users: [{ token, expires_after: formatExpiry(expiresAt) }] } },
        version,
      );
    },
  ),
  route(
    {
      method: 'POST',
      path: '/v1/users/logout',
      access: 'any',
      summary: 'Revoke the token',
      fidelity: 'exact',
    },
    async ({ token }, { store, forgetTokens, version }) => {
      await store.removeToken(token);
      forgetTokens();
      return jsonAnswer({ status: 200 }, version);
    },
  ),
  route(
    {
      method: 'POST',
      path: '/v1/users',
      access: 'admin',
      summary: 'Create a user',
      fidelity: 'inferred',
      note: 'the status of a duplicate is not documented',
      body: newUser,
    },
    async ({ body: { username, password } }, { store, version }) => {
      checkPassword(password);
      // Documented: 1014, not 1004.
      if (!(await store.createUser(username, password)))
        throw new Refusal(1014, 'Unable to create user. Already exist?');
      return jsonAnswer({ status: 201, payload: { users: [{ username }] } }, version);
    },
  ),
  route(
    {
      method: 'GET',
      path: '/v1/users/:username',
      access: 'any',
      summary: 'Role of a user',
      fidelity: 'inferred',
      note: 'users who are not administrators see only themselves',
    },
    async (call, { store, version }) => {
      const username = ownOrAdmin(call);
      const user = await store.user(username);
      if (!user) throw new Refusal(1006, `No user ${username}`);
      return jsonAnswer({ status: 200, payload: { users: [{ ROLES: user.role, username }] } }, version);
    },
  ),
  route(
    {
      method: 'PUT',
      path: '/v1/users/:username',
      access: 'any',
      summary: 'Change a password; tokens stay good',
      fidelity: 'exact',
      body: newPassword,
    },
    async (call, { store, version }) => {
      const username = ownOrAdmin(call);
      if (!(await store.user(username))) throw new Refusal(1006, `No user ${username}`);
      checkPassword(call.body.password);
      await store.setPassword(username, call.body.password);
      return jsonAnswer({ status: 200, payload: { users: [{ username }] } }, version);
    },
  ),
  route(
    {
      method: 'DELETE',
      path: '/v1/users/:username',
      access: 'admin',
      summary: 'Delete a user with all its tokens',
      fidelity: 'inferred',
      note: 'the error code for deleting admin is not documented',
    },
    async ({ parameter }, { store, forgetTokens, version }) => {
      const username = parameter('username');
      if (username === DEFAULT_ADMIN.username) throw new Refusal(1005, 'admin can not be deleted');
      if (!(await store.deleteUser(username))) throw new Refusal(1006, `No user ${username}`);
      forgetTokens();
      return jsonAnswer({ status: 200, payload: { users: [{ username }] } }, version);
    },
  ),
];

function ownOrAdmin({ user, parameter }: Pick<Call, 'user' | 'parameter'>): string {
  const username = parameter('username');
  if (user?.role !== 'ROLE_ADMIN' && user?.username !== username) throw new Refusal(1005);
  return username;
}

function checkPassword(password: string): void {
  const problem =
    passwordProblem(password) ?? (password === DEFAULT_ADMIN.password ? 'Password must differ' : undefined);
  if (problem !== undefined) throw new Refusal(1009, problem);
}
