import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { passwordMark, ROTATION_VARIABLES, type RotationWork } from '../../src/onprem/passwordRotation.ts';
import { runPasswordRotation } from '../../src/stack/passwordRotation.ts';
import type { Login } from '../../src/stack/store/accounts.ts';
import type { TestDatabase } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { testDatabase } from '../support/testDatabase.ts';

const HOST = '127.0.0.1';
/** Asks the server again soon. */
const fast = { ...systemClock, after: (_: number, run: () => void) => systemClock.after(50, run) };

let database: TestDatabase;
/** The account that the image of the engine makes, and the one that takes turns with it. */
let first: Login;
const second: Login = { username: 'waba_2', password: 'secondPassword1' };

beforeAll(async () => {
  database = await testDatabase();
  first = { username: database.engine === 'PGSQL' ? 'waba' : 'root', password: database.password };
});
afterAll(() => database?.close());

interface Session {
  ask(sql: string): Promise<unknown>;
  end(): Promise<void>;
}

async function session({ username: user, password }: Login): Promise<Session> {
  const login = { host: HOST, port: database.port, user, password };
  if (database.engine === 'MYSQL') {
    const connection = await createConnection(login);
    return { ask: (sql) => connection.query(sql), end: () => connection.end() };
  }
  const client = new pg.Client({ ...login, database: 'postgres' });
  await client.connect();
  return { ask: (sql) => client.query(sql), end: () => client.end() };
}

const logsIn = async (login: Login): Promise<boolean> => {
  try {
    await (await session(login)).end();
    return true;
  } catch {
    return false;
  }
};

/** Runs a step as the Job does. What it printed is in `lines`. */
function step(work: RotationWork, by: Login, account: Login, changes: Record<string, string> = {}) {
  const lines: string[] = [];
  const env = {
    WA_DB_ENGINE: database.engine,
    WA_DB_HOSTNAME: HOST,
    WA_DB_PORT: String(database.port),
    WA_DB_USERNAME: by.username,
    WA_DB_PASSWORD: by.password,
    [ROTATION_VARIABLES.username]: account.username,
    ...(work === 'prepare'
      ? {
          [ROTATION_VARIABLES.password]: account.password,
          [ROTATION_VARIABLES.mark]: passwordMark(account.password),
        }
      : {}),
    ...changes,
  };
  const stop = new AbortController();
  const print = (line: string) => void lines.push(line);
  const done = runPasswordRotation({ env, clock: fast, work, print }, stop.signal);
  return { lines, done, stop: () => stop.abort() };
}

describe('the rotation of a password', () => {
  it('makes a second account that may do everything, again and again, beside the first one', async () => {
    for (const password of ['interrupted1', second.password])
      await step('prepare', first, { ...second, password }).done;
    expect(await logsIn({ ...second, password: 'interrupted1' })).toBe(false);
    const [old, now] = [await session(first), await session(second)];
    await old.ask('CREATE DATABASE of_the_first');
    await now.ask('CREATE DATABASE of_the_second');
    await now.ask('DROP DATABASE of_the_first');
    await Promise.all([old.end(), now.end()]);
  });

  it('locks the first account when nobody is logged in with it, and says who still is', async () => {
    const old = await session(first);
    const { lines, done } = step('retire', second, first);
    await eventually(() => lines.length === 1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      verdict: 'Waiting',
      message: expect.stringMatching(`^1 session is open as ${first.username}, from (127.0.0.1|localhost)$`),
    });
    expect(await logsIn(first)).toBe(true);
    await old.ask('SELECT 1');
    await old.end();
    await done;
    expect(await logsIn(first)).toBe(false);
    // Repeated after an interruption.
    await step('retire', second, first).done;
    expect(await logsIn(second)).toBe(true);
  });

  it('gives the first account another password the next time, and locks the second one', async () => {
    const again = { ...first, password: 'firstPassword2' };
    await step('prepare', second, again).done;
    expect(await logsIn(first)).toBe(false);
    await step('retire', again, second).done;
    expect(await logsIn(second)).toBe(false);
    const admin = await session(again);
    await admin.ask('DROP DATABASE of_the_second');
    await admin.end();
    first = again;
  });

  it('says why the server does not let it in, and never a password', async () => {
    const wrong = { ...first, password: 'notThePassword1' };
    const { lines, done, stop } = step('prepare', wrong, second);
    await eventually(() => lines.length === 1);
    stop();
    await expect(done).rejects.toThrow();
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ verdict: 'DatabaseLoginRefused' });
    expect(lines.join()).not.toMatch(/Password\d/);
  });

  it('sets no password but that of this rotation, and never locks its own account', async () => {
    const stale = { [ROTATION_VARIABLES.mark]: passwordMark('another') };
    await expect(step('prepare', first, second, stale).done).rejects.toMatchObject({
      code: 'BadEnvironment',
    });
    await expect(step('retire', first, first).done).rejects.toThrow('must name another account');
  });
});
