import { CodedError } from '../base/codedError.ts';

/** The databases of every stack, on the vendor's stack too. Its prefix stands before each. */
const CONFIG = 'configStore';
const OWN = [CONFIG, 'clusterStore', 'messageStore', 'waweb'] as const;
/**
 * First: what it holds is renewed by nodes that start, so it may be a moment older than the rest, and a message store that is
 * newer than the map of shards loses nothing.
 */
const FIRST = 'clusterStore';
/** Of databases that `verify` makes, after the prefix. */
export const VERIFY = 'verify_';
/** Names that need no quotes in a shell, in a path and in a connection string. */
const PLAIN_NAME = /^[A-Za-z0-9_$][A-Za-z0-9_$-]*$/;

/**
 * Which databases belong to the stack with this prefix: all whose names begin with it. Another stack on the same server may
 * have a longer prefix that begins with ours; the databases of such a stack are its own.
 * @throws CodedError `DatabaseMissing`
 */
export function stackDatabases(all: readonly string[], prefix: string): string[] {
  const others = all
    .filter((name) => name.startsWith(prefix) && name.endsWith(CONFIG))
    .map((name) => name.slice(0, -CONFIG.length))
    .filter((other) => other.length > prefix.length);
  const own = all
    .filter((name) => name.startsWith(prefix))
    .filter((name) => !others.some((other) => name.startsWith(other)))
    .filter((name) => !name.startsWith(`${prefix}${VERIFY}`))
    // Without a prefix, only the names can tell.
    .filter((name) => prefix !== '' || OWN.some((known) => known === name));
  const odd = own.find((name) => !PLAIN_NAME.test(name));
  if (odd !== undefined)
    throw new CodedError(
      'DatabaseMissing',
      `the database ${JSON.stringify(odd)} has a name that backups cannot handle`,
    );
  if (!own.includes(`${prefix}${CONFIG}`))
    throw new CodedError(
      'DatabaseMissing',
      `the server has no database ${prefix}${CONFIG}; check WA_DB_NAME_PREFIX and the rights of the user`,
    );
  const isFirst = (name: string) => Number(name === `${prefix}${FIRST}`);
  return own.sort((a, b) => isFirst(b) - isFirst(a) || (a < b ? -1 : 1));
}
