import { createHash } from 'node:crypto';
import { type Session, StackClient } from '../client/stackClient.ts';
import { isUnauthorised } from '../client/stackError.ts';
import { HttpsStackTransport, type StackRequest } from '../client/stackTransport.ts';
import { DEFAULT_ADMIN } from '../onprem/users.ts';
import type { Clock } from '../runtime/clock.ts';
import { CodedError } from '../runtime/codedError.ts';

export interface StackAccess {
  readonly host: string;
  readonly port: number;
  /** PEM, pinned. */
  readonly ca: string;
  readonly username: string;
  readonly password: string;
  readonly apiKey: string;
}

export interface StackSessionsOptions {
  readonly clock: Clock;
  /** Throws when this process must not write any more. */
  readonly fence?: (request: StackRequest) => void;
}

/** A token is renewed when less than this is left of its seven days. */
const RENEWAL_MS = 3_600_000;

interface Entry {
  readonly identity: string;
  readonly client: StackClient;
  session: Session | undefined;
}

/** Connections and tokens, one for each stack. Tokens are in memory only. */
export class StackSessions {
  readonly #options: StackSessionsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: StackSessionsOptions) {
    this.#options = options;
  }

  client(key: string, access: StackAccess): StackClient {
    return this.#entry(key, access).client;
  }

  /** Runs calls as admin, with a fresh token where the old one is no longer taken. */
  async asAdmin<T>(
    key: string,
    access: StackAccess,
    calls: (client: StackClient, session: Session) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const entry = this.#entry(key, access);
    for (let attempt = 0; ; attempt++) {
      if (!entry.session || entry.session.expiresAtMs - this.#options.clock.now() < RENEWAL_MS) {
        entry.session = await logIn(entry.client, access, signal);
      }
      try {
        return await calls(entry.client, entry.session);
      } catch (error) {
        entry.session = isUnauthorised(error) ? undefined : entry.session;
        if (attempt > 0 || !isUnauthorised(error)) throw error;
      }
    }
  }

  forget(key: string): void {
    this.#entries.get(key)?.client.close();
    this.#entries.delete(key);
  }

  #entry(key: string, access: StackAccess): Entry {
    const identity = createHash('sha256').update(JSON.stringify(access)).digest('hex');
    const known = this.#entries.get(key);
    if (known?.identity === identity) return known;
    known?.client.close();
    const { host, port, ca } = access;
    const { fence } = this.#options;
    const transport = new HttpsStackTransport({ host, port, ca, ...(fence ? { fence } : {}) });
    const entry: Entry = { identity, client: new StackClient(transport), session: undefined };
    this.#entries.set(key, entry);
    return entry;
  }
}

/**
 * Logs in with the wanted password; on a fresh stack that is refused, and set by the first login with the default.
 * @throws CodedError `CredentialsUnknown` when neither is taken: nobody here knows the password
 */
async function logIn(
  client: StackClient,
  { username, password }: StackAccess,
  signal: AbortSignal,
): Promise<Session> {
  try {
    return await client.login(username, password, {}, signal);
  } catch (error) {
    if (!isUnauthorised(error)) throw error;
  }
  try {
    return await client.login(
      DEFAULT_ADMIN.username,
      DEFAULT_ADMIN.password,
      { newPassword: password },
      signal,
    );
  } catch (error) {
    if (!isUnauthorised(error)) throw error;
    throw new CodedError(
      'CredentialsUnknown',
      'neither the password in the Secret nor the default one is taken; put the right one into the Secret',
      { cause: error },
    );
  }
}
