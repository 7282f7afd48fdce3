import type { Clock } from '../base/clock.ts';
import { CodedError, describeError } from '../base/codedError.ts';
import { type DatabaseVerdict, databaseVerdict } from '../onprem/databaseVerdict.ts';
import { passwordMark, ROTATION_VARIABLES, type RotationWork } from '../onprem/passwordRotation.ts';
import { parseEnvironment } from './parseEnvironment.ts';
import { reportUntil } from './reportUntil.ts';
import { accounts, type Login } from './store/accounts.ts';
import { type DatabaseSettings, databaseSettings } from './store/databaseSettings.ts';
import { asAdmin } from './store/server.ts';

export interface RotationOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly work: RotationWork;
  /** Gets a line of JSON whenever there is news. */
  readonly print: (line: string) => void;
}

/** How far the work is. */
interface RotationReport {
  readonly verdict: 'Done' | 'Waiting' | DatabaseVerdict | 'Unknown';
  readonly message: string;
}

/**
 * Does one step of a rotation, on the server and with the login that the `WA_DB_*` variables name, and tries it until it is
 * done. @throws CodedError `BadEnvironment` for variables that cannot become right in this process
 */
export async function runPasswordRotation(options: RotationOptions, signal: AbortSignal): Promise<void> {
  const { env, clock, work, print } = options;
  const settings = databaseSettings(parseEnvironment(env), 'node');
  const step = work === 'prepare' ? preparing(settings, env) : retiring(settings, env);
  await reportUntil(
    () => step().catch(failed),
    { clock, print, isLast: ({ verdict }) => verdict === 'Done' },
    signal,
  );
}

type Step = () => Promise<RotationReport>;

/** The new login is tried before anybody depends on it. */
function preparing(settings: DatabaseSettings, env: RotationOptions['env']): Step {
  const login = { username: accountIn(settings, env), password: env[ROTATION_VARIABLES.password] ?? '' };
  if (passwordMark(login.password) !== env[ROTATION_VARIABLES.mark])
    throw new CodedError(
      'BadEnvironment',
      `${ROTATION_VARIABLES.password} is not the password of this rotation yet; the next start of the container finds it`,
    );
  return async () => {
    const { username } = login;
    await asAdmin(settings, ({ ask }) => accounts[settings.engine].prepare(ask, login)).catch(
      (error: unknown) => {
        throw withoutPassword(error, login);
      },
    );
    await asAdmin({ ...settings, ...login }, ({ ask }) => ask('SELECT 1'));
    return { verdict: 'Done', message: `the account ${username} has its new password` };
  };
}

/** A session that is open may need the account again for its next connection. */
function retiring(settings: DatabaseSettings, env: RotationOptions['env']): Step {
  const username = accountIn(settings, env);
  const { sessions, lock } = accounts[settings.engine];
  return () =>
    asAdmin(settings, async ({ ask }) => {
      const places = await sessions(ask, username);
      if (places.length > 0) return { verdict: 'Waiting', message: sessionWords(username, places) };
      await lock(ask, username);
      return { verdict: 'Done', message: `the account ${username} is locked` };
    });
}

const sessionWords = (username: string, places: readonly string[]): string =>
  `${places.length === 1 ? '1 session is' : `${places.length} sessions are`} open as ${username}, from ${[...new Set(places)].sort().join(', ')}`;

/** @throws CodedError `BadEnvironment` for the account that the stack uses: it would lock itself out */
function accountIn({ username }: DatabaseSettings, env: RotationOptions['env']): string {
  const account = env[ROTATION_VARIABLES.username] ?? '';
  if (account !== '' && account !== username) return account;
  throw new CodedError(
    'BadEnvironment',
    `${ROTATION_VARIABLES.username} must name another account than WA_DB_USERNAME, which is ${username}`,
  );
}

/** A server repeats the part of a statement that it does not understand. */
const withoutPassword = (error: unknown, { password }: Login): CodedError =>
  new CodedError(codeOf(error) || 'Unknown', describeError(error).replaceAll(password, '***'));

const codeOf = (error: unknown): string => String((error as { code?: unknown } | undefined)?.code ?? '');

function failed(error: unknown): RotationReport {
  const message = describeError(error);
  return { verdict: databaseVerdict(`${codeOf(error)} ${message}`) ?? 'Unknown', message };
}
