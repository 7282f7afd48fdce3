import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Session } from '../../client/calls.ts';
import { LoginCache } from '../../client/loginCache.ts';
import { StackClient } from '../../client/stackClient.ts';
import { isUnauthorised } from '../../client/stackError.ts';
import {
  type HttpsStackOptions,
  HttpsStackTransport,
  type StackRequest,
  type StackTransport,
} from '../../client/stackTransport.ts';
import { TracedTransport } from '../../client/tracedTransport.ts';
import { DEFAULT_ADMIN } from '../../onprem/users.ts';
import { ApplicationError } from './applicationError.ts';

export interface StackAccess {
  readonly host: string;
  readonly port: number;
  /** Pinned authority, PEM; two of them while the certificate changes. */
  readonly ca: string;
  /** The certificate must be valid for one of these names. */
  readonly certificateNames: readonly string[];
  readonly username: string;
  readonly password: string;
  /** Where the user puts the password: `Secret shop-admin, key password`. */
  readonly passwordSource: string;
  /** The password that the stack accepted last, if the Secret holds another one now. */
  readonly previousPassword: string | undefined;
  /** The password that an earlier pass was about to set. */
  readonly pendingPassword?: string | undefined;
  /** Called before the wanted password is set, with the one that the stack accepts now, if it is known. */
  readonly beforePassword?: (accepted: string | undefined) => Promise<void>;
  /** The key of the uploaded certificate: with it, a Webapp is accepted although its certificate has expired. */
  readonly uploadedKey?: string | undefined;
  readonly apiKey: string;
  /** Called with the password that the stack accepts from now on. */
  readonly onPassword: (password: string) => Promise<void>;
}

export interface StackSessionsOptions {
  readonly clock: Clock;
  /** Throws when this process is no longer allowed to write to the stack with this key. */
  readonly fence?: (request: StackRequest, key: string) => void;
  /** How the API is reached; over HTTPS unless given. */
  readonly connect?: (options: HttpsStackOptions) => StackTransport;
}

interface Entry {
  readonly identity: string;
  readonly client: StackClient;
  readonly logins: LoginCache;
}

/** A connection and a token for each stack. Tokens are kept in memory only. */
export class StackSessions {
  readonly #options: StackSessionsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: StackSessionsOptions) {
    this.#options = options;
  }

  client(key: string, access: StackAccess): StackClient {
    return this.#entry(key, access).client;
  }

  /** Runs calls as admin, once more with a new token if the stack no longer accepts the old one. */
  async asAdmin<T>(
    key: string,
    access: StackAccess,
    calls: (client: StackClient, session: Session) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const { client, logins } = this.#entry(key, access);
    return logins.use(
      access.username,
      () => logIn(client, access, signal),
      (session) => calls(client, session),
    );
  }

  forget(key: string): void {
    this.#entries.get(key)?.client.close();
    this.#entries.delete(key);
  }

  #entry(key: string, access: StackAccess): Entry {
    const { host, port, ca, certificateNames, uploadedKey, username, password, apiKey } = access;
    const parts = [host, port, ca, certificateNames, uploadedKey ?? null, username, password, apiKey];
    const identity = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
    const known = this.#entries.get(key);
    if (known?.identity === identity) return known;
    known?.client.close();
    const {
      fence,
      clock,
      connect = (options: HttpsStackOptions) => new HttpsStackTransport(options),
    } = this.#options;
    const transport = connect({
      host,
      port,
      ca,
      certificateNames,
      expiredKeyHash: uploadedKey,
      ...(fence ? { fence: (request: StackRequest) => fence(request, key) } : {}),
    });
    const client = new StackClient(new TracedTransport(transport, host));
    const entry: Entry = { identity, client, logins: new LoginCache(clock) };
    this.#entries.set(key, entry);
    return entry;
  }
}

/**
 * Logs in with the wanted password. If the stack does not accept it, sets it: with the password that the stack accepted
 * before, with one that it may have taken without an answer, or with the default password of a new stack.
 * @throws ApplicationError `CredentialsUnknown` if the stack accepts none of them
 */
async function logIn(client: StackClient, access: StackAccess, signal: AbortSignal): Promise<Session> {
  const { username, password, passwordSource, onPassword, beforePassword = async () => {} } = access;
  const accepted = async (session: Session) => {
    await onPassword(password);
    return session;
  };
  const tryWanted = () => unlessRefused(client.users.login(username, password, {}, signal));
  const wanted = await tryWanted();
  if (wanted) return accepted(wanted);
  for (const known of new Set([access.previousPassword, access.pendingPassword])) {
    if (known === undefined || known === password) continue;
    const old = await unlessRefused(client.users.login(username, known, {}, signal));
    if (!old) continue;
    await beforePassword(known);
    await client.users.setPassword(old, username, password, signal);
    return accepted(await client.users.login(username, password, {}, signal));
  }
  await beforePassword(undefined);
  const { password: initial } = DEFAULT_ADMIN;
  const first = await unlessRefused(client.users.login(username, initial, { newPassword: password }, signal));
  if (first) return accepted(first);
  // Another process may have set it meanwhile.
  const late = await tryWanted();
  if (late) return accepted(late);
  throw new ApplicationError(
    'CredentialsUnknown',
    `the stack accepts neither the password in ${passwordSource}, nor the one before it, nor the default one; put the password of user ${username} into ${passwordSource}`,
  );
}

async function unlessRefused(login: Promise<Session>): Promise<Session | undefined> {
  try {
    return await login;
  } catch (error) {
    if (isUnauthorised(error)) return undefined;
    throw error;
  }
}
