import { aborted } from '../../base/aborted.ts';
import { type Clock, withDeadline } from '../../base/clock.ts';
import { CodedError, describeError } from '../../base/codedError.ts';
import { type DatabaseVerdict, databaseVerdict } from '../../onprem/databaseVerdict.ts';
import type { DatabaseSettings } from './databaseSettings.ts';
import { databaseName } from './databases.ts';
import { engineAt } from './engineAt.ts';
import { servers } from './server.ts';
import { type Ask, type ConnectionCounts, serverFacts } from './serverFacts.ts';
import type { AdminConnection } from './serverTypes.ts';
import { NODE_DATABASES } from './upgrade.ts';

/** Whether a stack can work with its database server, in words. */
export interface DatabaseReport {
  readonly verdict: DatabaseVerdict | 'Ready' | 'Unknown';
  readonly message: string;
  /** As the server writes it; undefined if it lets nobody in. */
  readonly version?: string;
  readonly connections?: { readonly free: number; readonly needed: number };
}

const ENGINE_WORDS = { PGSQL: 'PostgreSQL', MYSQL: 'MySQL' } as const;

/**
 * Logs in once, as the stack would, and asks the server what would stop the stack later. Leaves nothing on the server.
 * @param needed connections of the whole stack
 */
export async function checkDatabase(
  settings: DatabaseSettings,
  { needed, clock }: { readonly needed: number; readonly clock: Clock },
  signal: AbortSignal,
): Promise<DatabaseReport> {
  const { engine } = settings;
  let admin: AdminConnection;
  try {
    admin = await servers[engine].admin(settings);
  } catch (error) {
    return await refused(settings, error, signal);
  }
  const { signal: within, release } = withDeadline(clock, signal, ANSWERS_WITHIN_MS, late);
  const isLate = aborted(within);
  try {
    return await Promise.race([
      judged(settings, needed, admin.ask),
      isLate.then(() => ({ verdict: 'DatabaseNoAnswer' as const, message: late().message })),
    ]);
  } finally {
    await Promise.race([admin.close().catch(() => {}), isLate]);
    release();
  }
}

/** The driver of a connection that nobody answers would wait for ever. */
const ANSWERS_WITHIN_MS = 30_000;
const late = () =>
  new CodedError(
    'ETIMEDOUT',
    `the server lets the stack in, and then answers nothing within ${ANSWERS_WITHIN_MS / 1000} s`,
  );

/** A server that hides something from its users is none the worse for it: what it does not tell counts as good. */
const ifTold = <T>(answer: Promise<T>): Promise<T | undefined> => answer.catch(() => undefined);

async function judged(settings: DatabaseSettings, needed: number, ask: Ask): Promise<DatabaseReport> {
  const { engine, username } = settings;
  const facts = serverFacts[engine];
  const version = (await ifTold(facts.version(ask))) ?? 'of an unknown version';
  const missing = missingDatabases((await ifTold(facts.databases(ask))) ?? [], settings);
  const refusal = missing.length === 0 ? undefined : await ifTold(facts.createRefusal(ask, settings));
  if (refusal !== undefined)
    return {
      version,
      verdict: 'DatabaseRightsMissing',
      message: `the user ${username} may not create databases: ${refusal}`,
    };
  const server = `${ENGINE_WORDS[engine]} ${version} lets the stack in`;
  const counts = await ifTold(facts.connections(ask, settings));
  if (!counts) return { version, verdict: 'Ready', message: server };
  const connections = { free: freeOf(counts), needed };
  return connections.free < needed
    ? { version, connections, verdict: 'DatabaseConnectionsFew', message: fewWords(counts, needed) }
    : {
        version,
        connections,
        verdict: 'Ready',
        message: `${server}; ${connections.free} connections are free, and it needs ${needed}`,
      };
}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | undefined)?.code ?? '');

/** Why the server does not let the stack in. A server of the other engine fails in ways that say nothing. */
async function refused(
  { engine, host, port }: DatabaseSettings,
  error: unknown,
  signal: AbortSignal,
): Promise<DatabaseReport> {
  const message = describeError(error);
  const verdict = databaseVerdict(`${codeOf(error)} ${message}`);
  const isTold = verdict !== undefined && verdict !== 'DatabaseNoAnswer' && verdict !== 'DatabaseTlsFailed';
  const found = isTold ? undefined : await engineAt({ host, port }, signal);
  if (found !== undefined && found !== engine)
    return {
      verdict: 'DatabaseOtherEngine',
      message: `a ${ENGINE_WORDS[found]} server listens at ${host}:${port}, not ${ENGINE_WORDS[engine]}`,
    };
  return { verdict: verdict ?? 'Unknown', message };
}

/**
 * Of the databases whose names are known of the vendor's client too. PostgreSQL writes names in lower case unless they are
 * quoted. Source: docs/onprem/deployment.md §4.4.
 */
function missingDatabases(there: readonly string[], settings: DatabaseSettings): string[] {
  const names = new Set(there.map((name) => name.toLowerCase()));
  return NODE_DATABASES.map((name) => databaseName(settings, name)).filter(
    (name) => !names.has(name.toLowerCase()),
  );
}

/** What the stack uses already is free for it. */
function freeOf({ limit, used, userLimit, userUsed, stack }: ConnectionCounts): number {
  const ofServer = limit - Math.max(0, used - stack);
  const ofUser = userLimit === undefined ? ofServer : userLimit - Math.max(0, userUsed - stack);
  return Math.max(0, Math.min(ofServer, ofUser));
}

function fewWords(counts: ConnectionCounts, needed: number): string {
  const { limit, used, userLimit, stack } = counts;
  const others = Math.max(0, used - stack);
  const ofUser = userLimit === undefined ? '' : `, this user takes at most ${userLimit}`;
  return `the server takes ${limit} connections, others use ${others}${ofUser}: ${freeOf(counts)} are free, and the stack needs at least ${needed}`;
}
