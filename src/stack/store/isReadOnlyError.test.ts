import { expect, it } from 'vitest';
import { isReadOnlyError } from './isReadOnlyError.ts';

it.each([
  ['a standby of PostgreSQL', { code: '25006' }, true],
  ['a replica of MariaDB', { code: 'ER_OPTION_PREVENTS_STATEMENT', errno: 1290, sqlState: 'HY000' }, true],
  ['MySQL in read-only mode', { code: 'ER_READ_ONLY_MODE', errno: 1836, sqlState: 'HY000' }, true],
  ['a duplicate key', { code: 'ER_DUP_ENTRY', errno: 1062, sqlState: '23000' }, false],
  ['a lost connection', { code: 'ECONNRESET', errno: -104 }, false],
  ['nothing', undefined, false],
])('a server that takes no writes is told from other problems: %s', (_, error, expected) => {
  expect(isReadOnlyError(error)).toBe(expected);
});
